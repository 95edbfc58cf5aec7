import type { FiringSpan, History, Range, RecordState, TriggerPlan } from '../history.js';
import type { Violation } from '../violation.js';

/** A record as it was first seen, in the order of the log. */
export interface Firing {
  readonly id: string;
  readonly shard: number;
  readonly record: RecordState;
}

/** Every creation of a record. A record that is created again after its removal counts again. */
export function firingsOf({ log }: Pick<History, 'log'>): readonly Firing[] {
  const present = new Set<string>();
  const firings: Firing[] = [];
  for (const entry of log.entries) {
    if (entry.kind === 'removed') present.delete(entry.id);
    if (entry.kind !== 'record' || present.has(entry.id)) continue;
    present.add(entry.id);
    firings.push(entry);
  }
  return firings;
}

/** The fires of each trigger, without backfills. */
export function firingsByTrigger(history: Pick<History, 'log'>): ReadonlyMap<string, readonly Firing[]> {
  const byTrigger = new Map<string, Firing[]>();
  for (const firing of firingsOf(history)) {
    const { trigger } = firing.record;
    if (trigger === null) continue;
    const list = byTrigger.get(trigger) ?? [];
    list.push(firing);
    byTrigger.set(trigger, list);
  }
  return byTrigger;
}

/** I1, I2, I3: each nominal time that a schedule has is recorded exactly once, and no other. `after` is judged apart. */
export function checkFiringSet(history: History): readonly Violation[] {
  const byTrigger = firingsByTrigger(history);
  const known = new Set(history.triggers.map((plan) => plan.key));
  const unknown = [...byTrigger.keys()].filter((key) => !known.has(key));
  return [
    ...unknown.map((key) => ({ invariant: 'I3' as const, subject: key, text: 'fires, but was never defined' })),
    ...history.triggers
      .filter(({ spans }) => spans[0]?.rhythm.kind !== 'after')
      .flatMap((plan) => checkTrigger(plan, byTrigger.get(plan.key) ?? [])),
  ];
}

function checkTrigger(plan: TriggerPlan, firings: readonly Firing[]): readonly Violation[] {
  const violations: Violation[] = [];
  const recorded = new Map<number, number>();
  for (const { record } of firings) {
    for (const at of nominalTimesOf(plan, record)) recorded.set(at, (recorded.get(at) ?? 0) + 1);
  }
  for (const [at, count] of recorded) {
    const subject = `${plan.key}@${at}`;
    if (count > 1) violations.push({ invariant: 'I1', subject, text: `recorded ${count} times`, at });
    if (!plan.spans.some((span) => isTimeOf(span, at))) {
      violations.push({ invariant: 'I3', subject, text: 'is no nominal time of the trigger then', at });
    }
  }
  for (const at of requiredTimes(plan)) {
    if (!recorded.has(at)) {
      violations.push({ invariant: 'I2', subject: `${plan.key}@${at}`, text: 'has no record', at });
    }
  }
  return violations;
}

/** The record's own nominal time; for a missed range every time in it. */
function nominalTimesOf(plan: TriggerPlan, record: RecordState): readonly number[] {
  if (record.missedThrough === undefined) return [record.nominalAt];
  const range = { from: record.nominalAt - 1, until: record.missedThrough };
  const within = plan.spans.flatMap((span) => timesIn(span, range).filter((at) => isTimeOf(span, at)));
  return [...new Set([record.nominalAt, ...within])];
}

/** Nominal times without which the history is not complete. */
export function requiredTimes(plan: TriggerPlan): ReadonlySet<number> {
  return new Set(plan.spans.flatMap((span) => timesIn(span, span.must)));
}

/** Nominal times in a range; none of `after`, which follow from what happens. */
export function timesIn({ rhythm }: Pick<FiringSpan, 'rhythm'>, range: Range): readonly number[] {
  if (rhythm.kind === 'after') return [];
  if (rhythm.kind === 'once') return rhythm.at > range.from && rhythm.at <= range.until ? [rhythm.at] : [];
  const { everyMs, phaseMs } = rhythm;
  const times: number[] = [];
  const steps = Math.floor((range.from - phaseMs) / everyMs) + 1;
  for (let at = phaseMs + steps * everyMs; at <= range.until; at += everyMs) times.push(at);
  return times;
}

function isTimeOf(span: FiringSpan, at: number): boolean {
  return at > span.may.from && at <= span.may.until && timesIn(span, { from: at - 1, until: at }).length > 0;
}

/** I5: in the order of Redis, no fire is accepted from a smaller epoch than one that was seen before. */
export function checkEpochs(history: History): readonly Violation[] {
  const fences = new Map<number, number>();
  const violations: Violation[] = [];
  const present = new Set<string>();
  for (const entry of history.log.entries) {
    if (entry.kind === 'fence') {
      const before = fences.get(entry.shard) ?? 0;
      if (entry.epoch < before) {
        violations.push({ invariant: 'I5', subject: `shard ${entry.shard}`, text: `fence ${before} → ${entry.epoch}` });
      }
      fences.set(entry.shard, Math.max(before, entry.epoch));
    }
    if (entry.kind === 'removed') present.delete(entry.id);
    if (entry.kind !== 'record' || present.has(entry.id)) continue;
    present.add(entry.id);
    const { epoch, firedAt: at, trigger, backfill } = entry.record;
    if (trigger === null && backfill === undefined) continue;
    const fence = fences.get(entry.shard) ?? 0;
    if (epoch < fence) {
      violations.push({ invariant: 'I5', subject: entry.id, text: `fired by epoch ${epoch} after ${fence}`, at });
    }
    fences.set(entry.shard, Math.max(fence, epoch));
  }
  return violations;
}

/** Watermarks only move forward while a trigger exists: the other half of I1. */
export function checkWatermarks(history: History): readonly Violation[] {
  const marks = new Map<string, number>();
  const violations: Violation[] = [];
  for (const entry of history.log.entries) {
    if (entry.kind === 'trigger-removed') marks.delete(entry.trigger);
    if (entry.kind !== 'watermark') continue;
    const before = marks.get(entry.trigger) ?? 0;
    if (entry.watermark < before) {
      const text = `watermark ${before} → ${entry.watermark}`;
      violations.push({ invariant: 'I1', subject: entry.trigger, text, at: entry.watermark });
    }
    marks.set(entry.trigger, Math.max(before, entry.watermark));
  }
  return violations;
}
