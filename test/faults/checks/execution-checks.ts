import type { History, LogEntry, RecordState, WorkerRun } from '../history.js';
import type { Violation } from '../violation.js';

/** The only ways between states; written down here once more so that a mistake in the product's table shows. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  queued: ['running', 'cancelled'],
  running: ['succeeded', 'retrying', 'failed', 'cancelled', 'queued'],
  retrying: ['queued', 'cancelled'],
};
const ENDED = new Set(['succeeded', 'failed', 'cancelled', 'missed', 'skipped']);

/** I7: one lease at a time, results only under it, attempts counted, states only forward; and overlap `skip`. */
export function checkTransitions(history: History): readonly Violation[] {
  if (history.log.kind !== 'every-change') return [];
  const records = new Map<string, RecordState>();
  const running = new Map<string, Set<string>>();
  const skipping = new Set(history.triggers.filter((plan) => plan.overlap === 'skip').map((plan) => plan.key));
  const violations: Violation[] = [];
  for (const entry of history.log.entries) {
    if (entry.kind === 'removed') {
      const before = records.get(entry.id);
      if (before !== undefined && !ENDED.has(before.state)) {
        violations.push({
          invariant: 'I4',
          subject: entry.id,
          text: `deleted while ${before.state}`,
          at: before.firedAt,
        });
      }
      records.delete(entry.id);
    }
    if (entry.kind !== 'record') continue;
    const before = records.get(entry.id);
    const problem = before === undefined ? wrongStart(entry.record) : wrongMove(before, entry.record);
    if (problem !== null) {
      violations.push({ invariant: 'I7', subject: entry.id, text: problem, at: entry.record.firedAt });
    }
    records.set(entry.id, entry.record);
    if (entry.record.trigger !== null && skipping.has(entry.record.trigger)) {
      violations.push(...checkOverlap(running, entry));
    }
  }
  return violations;
}

function wrongStart({ state, attempt, token }: RecordState): string | null {
  if (state === 'missed' || state === 'skipped') return null;
  return state === 'queued' && attempt === 0 && token === '' ? null : `begins as ${state}, attempt ${attempt}`;
}

function wrongMove(from: RecordState, to: RecordState): string | null {
  if (to.firedAt !== from.firedAt || to.epoch !== from.epoch || to.nominalAt !== from.nominalAt) {
    return 'the part of a record that never changes has changed';
  }
  if (from.state === to.state) {
    const isSame = from.attempt === to.attempt && from.token === to.token && from.settledBy === to.settledBy;
    return isSame ? null : `${from.state} again, with another attempt or token`;
  }
  if (NEXT[from.state]?.includes(to.state) !== true) return `${from.state} → ${to.state}`;
  if (to.state === 'running') {
    if (to.attempt !== from.attempt + 1) return `attempt ${from.attempt} → ${to.attempt}`;
    return to.token === '' ? 'runs without a lease' : null;
  }
  if (from.state !== 'running') return null;
  return wrongEnd(from, to);
}

/** Out of `running`: by the holder of the lease, or by a rescue, which leaves no settling token of its own. */
function wrongEnd(from: RecordState, to: RecordState): string | null {
  const bySettling = to.settledBy !== from.settledBy;
  if (to.token !== '') return 'the lease outlives the attempt';
  if (bySettling && to.settledBy !== from.token) return 'a result was accepted from an attempt without the lease';
  if (!bySettling && (to.state === 'succeeded' || to.state === 'retrying')) return 'a result was accepted from nobody';
  const isGivenBack = bySettling && to.state === 'queued';
  const attempt = isGivenBack ? from.attempt - 1 : from.attempt;
  return to.attempt === attempt ? null : `attempt ${from.attempt} → ${to.attempt} on ${to.state}`;
}

function checkOverlap(
  running: Map<string, Set<string>>,
  { id, record }: Extract<LogEntry, { kind: 'record' }>,
): readonly Violation[] {
  const trigger = record.trigger ?? '';
  const active = running.get(trigger) ?? new Set();
  running.set(trigger, active);
  if (ENDED.has(record.state)) active.delete(id);
  else active.add(id);
  if (active.size <= 1 || record.state !== 'queued' || record.attempt > 0) return [];
  const text = `queued while ${[...active].filter((other) => other !== id).join(', ')} had not ended`;
  return [{ invariant: 'I7', subject: id, text, at: record.firedAt }];
}

/** I4: each fire ends, a success was seen by a worker, a failure used all attempts. */
export function checkExecuted(history: History): readonly Violation[] {
  const finished = new Set(history.runs.filter((run) => run.event === 'end').map((run) => run.id));
  const violations: Violation[] = [];
  for (const [id, record] of lastStates(history.log.entries)) {
    const at = record.firedAt;
    if (!ENDED.has(record.state)) {
      violations.push({ invariant: 'I4', subject: id, text: `is still ${record.state}`, at });
    } else if (record.state === 'succeeded' && !finished.has(id)) {
      violations.push({ invariant: 'I4', subject: id, text: 'succeeded, but no worker finished it', at });
    } else if (
      record.state === 'failed' &&
      record.reason === 'attempts-used-up' &&
      record.attempt < record.maxAttempts
    ) {
      const text = `failed after ${record.attempt} of ${record.maxAttempts} attempts`;
      violations.push({ invariant: 'I4', subject: id, text, at });
    }
  }
  return violations;
}

/** Records as they were last written, also of those that have been removed since. */
export function lastStates(entries: readonly LogEntry[]): ReadonlyMap<string, RecordState> {
  const last = new Map<string, RecordState>();
  for (const entry of entries) if (entry.kind === 'record') last.set(entry.id, entry.record);
  return last;
}

/**
 * I7 as the workers saw it: one attempt is begun once and finished once, whatever Redis says. Only an attempt that
 * was given back keeps its number for the next worker.
 */
export function checkRuns(history: History): readonly Violation[] {
  const attempts = new Map<string, WorkerRun[]>();
  for (const run of history.runs) addTo(attempts, `${run.id}#${run.attempt}`, run);
  const known = new Set(lastStates(history.log.entries).keys());
  const givenBack = giveBacksOf(history);
  const violations: Violation[] = [];
  for (const [subject, runs] of attempts) {
    const at = runs[0]?.at ?? 0;
    const count = (event: WorkerRun['event']): number => runs.filter((run) => run.event === event).length;
    if (count('end') > 1) violations.push({ invariant: 'I7', subject, text: `finished ${count('end')} times`, at });
    const allowed = 1 + (history.log.kind === 'every-change' ? (givenBack.get(subject) ?? 0) : count('abort'));
    if (count('start') > allowed) {
      violations.push({ invariant: 'I7', subject, text: `begun ${count('start')} times`, at });
    }
    const id = runs[0]?.id ?? '';
    if (!known.has(id)) violations.push({ invariant: 'I1', subject: id, text: 'was run, but has no record', at });
  }
  return violations;
}

/** How often each attempt was given back unrun, as `id#attempt`. */
function giveBacksOf({ log }: History): ReadonlyMap<string, number> {
  const attempts = new Map<string, number>();
  const count = new Map<string, number>();
  for (const entry of log.entries) {
    if (entry.kind !== 'record') continue;
    const { state, attempt } = entry.record;
    const before = attempts.get(entry.id) ?? 0;
    const subject = `${entry.id}#${before}`;
    if (state === 'queued' && attempt < before) count.set(subject, (count.get(subject) ?? 0) + 1);
    attempts.set(entry.id, attempt);
  }
  return count;
}

function addTo<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [item]);
  else list.push(item);
}
