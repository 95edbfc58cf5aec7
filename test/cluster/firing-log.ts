import type { Execution } from '../../src/domain/execution.js';
import type { ExecutionStore } from '../../src/store/execution-store.js';

/** Every execution record of one job, oldest nominal time first. */
export async function allExecutions(store: ExecutionStore, namespace: string, job: string): Promise<Execution[]> {
  const records: Execution[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listExecutions({ namespace, job, limit: 500, cursor });
    records.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return records.sort((a, b) => a.nominalAt - b.nominalAt);
}

export interface PeriodicExpectation {
  readonly everyMs: number;
  /** Nominal times after `from` and up to `until` must all be there, and nothing else. */
  readonly from: number;
  readonly until: number;
  /** Trigger name to the remainder of its nominal times by `everyMs`. */
  readonly phases: ReadonlyMap<string, number>;
}

export interface FiringReport {
  readonly expected: number;
  readonly missing: readonly string[];
  readonly doubled: readonly string[];
  readonly unexpected: readonly string[];
  readonly early: readonly string[];
  /** Longest time between two consecutive records, by the store's clock. */
  readonly worstGapMs: number;
}

/**
 * Compares what was recorded with what the schedules say. Invariants: each nominal time exactly once, none
 * that the schedule does not have, none recorded before it was due.
 */
export function checkFirings(records: readonly Execution[], expectation: PeriodicExpectation): FiringReport {
  const { everyMs, from, until, phases } = expectation;
  const seen = new Map<string, number>();
  const early: string[] = [];
  const inRange = records.filter((record) => record.nominalAt > from && record.nominalAt <= until);
  for (const record of inRange) {
    const identity = `${record.trigger}@${record.nominalAt}`;
    seen.set(identity, (seen.get(identity) ?? 0) + 1);
    if (record.firedAt < record.dueAt) early.push(identity);
  }
  const wanted = new Set<string>();
  for (const [trigger, phase] of phases) {
    const first = Math.floor((from - phase) / everyMs) * everyMs + phase;
    for (let at = first; at <= until; at += everyMs) if (at > from) wanted.add(`${trigger}@${at}`);
  }
  const fired = inRange.map((record) => record.firedAt).sort((a, b) => a - b);
  return {
    expected: wanted.size,
    missing: [...wanted].filter((identity) => !seen.has(identity)),
    doubled: [...seen].filter(([, count]) => count > 1).map(([identity]) => identity),
    unexpected: [...seen.keys()].filter((identity) => !wanted.has(identity)),
    early,
    worstGapMs: fired.reduce((worst, at, i) => Math.max(worst, i === 0 ? 0 : at - (fired[i - 1] ?? at)), 0),
  };
}
