import type { FaultSpan, FiringSpan, History } from '../history.js';
import type { Violation } from '../violation.js';
import { firingsOf, type Firing } from './firing-checks.js';

export interface TimeBounds {
  /** How late a fire may be while nothing is wrong. Infinity = times are not judged. */
  readonly latenessMs: number;
  /** How long after a fault has healed its backlog may still be worked off. */
  readonly settleMs: number;
}

/** What an outage held up is released four times as fast as it became due: `CLOUDJOB_CATCH_UP_PER_SECOND` against the load. */
const BACKLOG = 0.25;
/** The rate is shared out evenly, the load is not: a shard may have three times its share, and takes so much longer. */
const LONGEST_BACKLOG = 3 * BACKLOG;

/** I6: never early; late only as far as the faults around it explain. */
export function checkLateness(history: History, bounds: TimeBounds): readonly Violation[] {
  const once = new Set(history.triggers.filter(({ spans }) => spans.some(isOnce)).map(({ key }) => key));
  return firingsOf(history).flatMap((firing) => {
    const { firedAt, dueAt, trigger, state } = firing.record;
    if (trigger === null) return [];
    const subject = `${trigger}@${firing.record.nominalAt}`;
    const isEarly = state !== 'missed' && firedAt < dueAt;
    if (isEarly) return [{ invariant: 'I6', subject, text: `fired ${dueAt - firedAt} ms early`, at: firedAt }];
    const from = once.has(trigger) ? Math.max(dueAt, lastHealedAt(history.faults, firedAt)) : dueAt;
    const backlogMs = (fault: FaultSpan): number =>
      bounds.settleMs + LONGEST_BACKLOG * Math.max(0, fault.healedAt - fault.from);
    const outageMs = allowance(history.faults, { from, until: firedAt }, backlogMs);
    const allowed = bounds.latenessMs + outageMs * (1 + BACKLOG);
    if (firedAt - from <= allowed) return [];
    const text = `fired ${firedAt - from} ms late, ${allowed} ms are explained`;
    return [{ invariant: 'I6', subject, text, at: firedAt }];
  });
}

function isOnce({ rhythm }: FiringSpan): boolean {
  return rhythm.kind === 'once';
}

/** What happens once may be stored only after its time, when a fault that held up the write has healed. */
function lastHealedAt(faults: readonly FaultSpan[], before: number): number {
  return Math.max(-Infinity, ...faults.map(({ healedAt }) => healedAt).filter((healedAt) => healedAt <= before));
}

/** I8: the instants of firing of a shard have no hole that its faults do not explain. */
export function checkGaps(history: History, bounds: TimeBounds): readonly Violation[] {
  return gapsOf(history).flatMap(({ shard, from, until }) => {
    const allowed = bounds.latenessMs + allowance(history.faults, { from, until }, () => bounds.settleMs);
    if (until - from <= allowed) return [];
    const text = `no fire for ${until - from} ms, ${allowed} ms are explained`;
    return [{ invariant: 'I8' as const, subject: `shard ${shard}`, text, at: until }];
  });
}

/** Longest hole between two fires of one shard while it had something due. */
export function worstGapMs(history: Pick<History, 'log'>): number {
  return gapsOf(history).reduce((worst, gap) => Math.max(worst, gap.until - gap.from), 0);
}

/**
 * A hole ends with a fire and begins with the fire before it, or, when nothing was due then, at the earliest
 * due instant among those that the hole held up.
 */
function gapsOf(history: Pick<History, 'log'>): readonly { shard: number; from: number; until: number }[] {
  const byShard = new Map<number, Firing[]>();
  for (const firing of firingsOf(history)) {
    if (firing.record.trigger === null || firing.record.state === 'missed') continue;
    const list = byShard.get(firing.shard);
    if (list === undefined) byShard.set(firing.shard, [firing]);
    else list.push(firing);
  }
  return [...byShard].flatMap(([shard, firings]) => {
    const sorted = [...firings].sort((a, b) => a.record.firedAt - b.record.firedAt);
    let before = -Infinity;
    return sorted.flatMap(({ record }) => {
      const from = Math.max(before, record.dueAt);
      before = record.firedAt;
      return record.firedAt > from ? [{ shard, from, until: record.firedAt }] : [];
    });
  });
}

/**
 * The bounds of all faults that touch the range, added up: two at once may well follow one another. `settleMs`: how long
 * each is felt after it was healed.
 */
function allowance(
  faults: readonly FaultSpan[],
  range: { from: number; until: number },
  settleMs: (fault: FaultSpan) => number,
): number {
  const touching = faults.filter((fault) => {
    const { from, healedAt, boundMs } = fault;
    const over = Math.max(healedAt, from + boundMs) + settleMs(fault);
    return range.until >= from && range.from <= over;
  });
  return touching.reduce((sum, fault) => sum + fault.boundMs, 0);
}
