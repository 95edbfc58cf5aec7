import type { RoundResult } from './round.js';
import type { Invariant } from './violation.js';

/** The gap that came nearest to its bound, or went furthest beyond it. */
interface Gap {
  readonly worstMs: number;
  readonly boundMs: number;
}

interface Line {
  times: number;
  alone: Gap | null;
  joined: Gap | null;
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
    const gap = { worstMs: result.worstGapMs, boundMs: sumOf(result.faults.map((fault) => fault.boundMs)) };
    for (const { name, boundMs } of result.faults) {
      const line = this.#lines.get(name) ?? {
        ...{ alone: null, joined: null },
        ...{ times: 0, lost: 0, doubled: 0, other: 0, excused: 0, fencedWrites: 0 },
      };
      this.#lines.set(name, line);
      line.times += 1;
      // Alone as far as gaps go: what came with it must not stop a fire.
      if (gap.boundMs === boundMs) line.alone = nearer(line.alone, gap);
      else line.joined = nearer(line.joined, gap);
      line.lost += lost;
      line.doubled += doubled;
      line.other += counted.length - lost - doubled;
      line.excused += result.violations.length - counted.length;
      line.fencedWrites += result.fencedWrites;
    }
  }

  /** How often that of the faults came that came least. */
  leastOf(names: readonly string[]): { readonly name: string; readonly times: number } {
    const counts = names.map((name) => ({ name, times: this.#lines.get(name)?.times ?? 0 }));
    return counts.reduce((least, next) => (next.times < least.times ? next : least), { name: '', times: Infinity });
  }

  /**
   * A Markdown table. Gaps are those of rounds in which the fault alone stopped firing; in parentheses, with another
   * one, if there was none. `lost by Redis`: traces of acknowledged writes that Redis itself lost in a failover.
   */
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
          line.alone?.worstMs ?? `(${line.joined?.worstMs})`,
          line.alone?.boundMs ?? `(${line.joined?.boundMs})`,
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

function nearer(known: Gap | null, next: Gap): Gap {
  return known === null || next.worstMs - next.boundMs > known.worstMs - known.boundMs ? next : known;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
