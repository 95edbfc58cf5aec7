import { describe, expect, it } from 'vitest';
import { checkGaps, checkLateness } from './checks/timing-checks.js';
import type { FaultSpan, History, Rhythm } from './history.js';

const BOUNDS = { latenessMs: 1000, settleMs: 3000 };
const START = 1_700_000_000_000;

/** One trigger that fired at these instants after what was due at those. */
function historyOf(
  rhythm: Rhythm,
  fires: readonly [dueAt: number, firedAt: number][],
  faults: readonly FaultSpan[] = [],
) {
  const everything = { from: START, until: Infinity };
  const entries = fires.map(([dueAt, firedAt], i) => ({
    kind: 'record' as const,
    shard: 0,
    id: `x${i}`,
    record: {
      ...{ state: 'ready', attempt: 0, maxAttempts: 1, epoch: 1, token: '', settledBy: '', reason: '', job: 'ns/job' },
      ...{
        trigger: 'ns/job/t',
        nominalAt: START + dueAt,
        dueAt: START + dueAt,
        firedAt: START + firedAt,
        finishedAt: null,
      },
    },
  }));
  const spans = [{ rhythm, may: everything, must: everything }];
  return {
    triggers: [{ key: 'ns/job/t', overlap: 'allow', spans, backfills: [] }],
    log: { kind: 'every-change', entries },
    faults: faults.map((fault) => ({ ...fault, from: START + fault.from, healedAt: START + fault.healedAt })),
  } as unknown as History;
}

const every: Rhythm = { kind: 'every', everyMs: 1000, phaseMs: 0 };
const kill: FaultSpan = { name: 'kill', from: 2000, healedAt: 4000, boundMs: 3000 };

describe('checkGaps', () => {
  const gap = (ms: number): History => historyOf(every, [[1000, 1001], [3000, 3000 + ms]], [kill]); // prettier-ignore

  it('allows a gap as long as its fault explains, and what a busy machine takes', () => {
    expect(checkGaps(gap(4000), BOUNDS)).toEqual([]);
    expect(checkGaps(gap(4001), BOUNDS)).toMatchObject([{ invariant: 'I8', subject: 'shard 0' }]);
  });

  it('explains nothing by a fault that was over long before', () => {
    const late = historyOf(every, [[1000, 1001], [9000, 10_500]], [kill]); // prettier-ignore
    expect(checkGaps(late, BOUNDS)).toHaveLength(1);
  });
});

describe('checkLateness', () => {
  it('leaves time to release what an outage held up', () => {
    const fired = (at: number): History => historyOf(every, [[3000, at]], [kill]);
    expect(checkLateness(fired(3000 + 3750 + 1000), BOUNDS)).toEqual([]);
    expect(checkLateness(fired(3000 + 3750 + 1001), BOUNDS)).toMatchObject([{ invariant: 'I6' }]);
  });

  it('calls what happens once late only from the healing of the fault that may have kept it from being stored', () => {
    const apiKill: FaultSpan = { name: 'api-kill', from: 2000, healedAt: 9000, boundMs: 0 };
    const fired = (rhythm: Rhythm, at: number): History => historyOf(rhythm, [[3000, at]], [apiKill]);
    expect(checkLateness(fired({ kind: 'once', at: START + 3000 }, 9900), BOUNDS)).toEqual([]);
    expect(checkLateness(fired({ kind: 'once', at: START + 3000 }, 10_001), BOUNDS)).toHaveLength(1);
    expect(checkLateness(fired(every, 9900), BOUNDS)).toHaveLength(1);
  });
});
