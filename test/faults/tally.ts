import type { RoundResult } from './round.js';
import type { Invariant } from './violation.js';

interface Line {
  times: number;
  readonly alone: { worstMs: number; boundMs: number };
  readonly paired: { worstMs: number; boundMs: number };
  lost: number;
  doubled: number;
  other: number;
  excused: number;
  fencedWrites: number;
}

const LOST: ReadonlySet<Invariant> = new Set<Invariant>(['I2', 'I4', 'ack']);
const DOUBLED: ReadonlySet<Invariant> = new Set<Invariant>(['I1']);

/** What came of each fault, over all rounds. A round with two faults counts for both. */
export class Tally {
  readonly #lines = new Map<string, Line>();
  rounds = 0;
  fires = 0;
  required = 0;

  add(result: RoundResult): void {
    this.rounds += 1;
    this.fires += result.fires;
    this.required += result.required;
    const counted = result.violations.filter((violation) => violation.isExcused !== true);
    const count = (of: ReadonlySet<Invariant>): number => counted.filter((v) => of.has(v.invariant)).length;
    const lost = count(LOST);
    const doubled = count(DOUBLED);
    const boundMs = result.faults.reduce((sum, fault) => sum + fault.boundMs, 0);
    for (const { name } of result.faults) {
      const line = this.#lines.get(name) ?? {
        alone: { worstMs: -1, boundMs: 0 },
        paired: { worstMs: -1, boundMs: 0 },
        ...{ times: 0, lost: 0, doubled: 0, other: 0, excused: 0, fencedWrites: 0 },
      };
      this.#lines.set(name, line);
      line.times += 1;
      const gap = result.faults.length === 1 ? line.alone : line.paired;
      gap.worstMs = Math.max(gap.worstMs, result.worstGapMs);
      gap.boundMs = Math.max(gap.boundMs, boundMs);
      line.lost += lost;
      line.doubled += doubled;
      line.other += counted.length - lost - doubled;
      line.excused += result.violations.length - counted.length;
      line.fencedWrites += result.fencedWrites;
    }
  }

  /** A Markdown table. Gaps are those of rounds in which the fault came alone; in parentheses, with others, if it never did. `lost by Redis`: traces of acknowledged writes that Redis itself lost in a failover. */
  table(): string {
    const head = [
      'fault',
      'times',
      'worst gap, ms',
      'bound, ms',
      'lost',
      'doubled',
      'other',
      'lost by Redis',
      'fenced writes',
    ];
    const rows = [...this.#lines]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, line]) => [
        name,
        ...[
          line.times,
          line.alone.worstMs >= 0 ? line.alone.worstMs : `(${line.paired.worstMs})`,
          line.alone.worstMs >= 0 ? line.alone.boundMs : `(${line.paired.boundMs})`,
          line.lost,
          line.doubled,
          line.other,
          line.excused,
          line.fencedWrites,
        ],
      ]);
    const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows];
    return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  }
}
