import type { BackfillPlan, History, RecordState } from '../history.js';
import type { Violation } from '../violation.js';
import { lastStates } from './execution-checks.js';
import { firingsOf, timesIn, type Firing } from './firing-checks.js';

/** I1, I2, I3, I7 for backfills: each time of the range is recorded once, nothing else is, and those in order are in order. */
export function checkBackfills(history: History): readonly Violation[] {
  const byBackfill = new Map<string, Firing[]>();
  for (const firing of firingsOf(history)) {
    const { backfill } = firing.record;
    if (backfill === undefined) continue;
    const name = `${backfill.trigger}/${backfill.id}`;
    const list = byBackfill.get(name);
    if (list === undefined) byBackfill.set(name, [firing]);
    else list.push(firing);
  }
  const asked = new Map<string, BackfillPlan>(
    history.triggers.flatMap(({ key, backfills }) => backfills.map((plan) => [`${key}/${plan.id}`, plan] as const)),
  );
  const last = lastStates(history.log.entries);
  const unknown = [...byBackfill].filter(([name]) => !asked.has(name));
  return [
    ...unknown.map(([subject]) => ({ invariant: 'I3' as const, subject, text: 'is a backfill nobody asked for' })),
    ...[...asked].flatMap(([name, plan]) => {
      const firings = byBackfill.get(name) ?? [];
      return [...checkTimes(name, plan, firings), ...checkOrder(name, plan, { firings, last })];
    }),
  ];
}

function checkTimes(name: string, plan: BackfillPlan, firings: readonly Firing[]): readonly Violation[] {
  const times = new Set(timesIn(plan, { from: plan.from - 1, until: plan.to - 1 }));
  const recorded = new Map<number, number>();
  const violations: Violation[] = [];
  for (const { record } of firings) {
    const { nominalAt, firedAt: at } = record;
    const subject = `${name}@${nominalAt}`;
    const count = (recorded.get(nominalAt) ?? 0) + 1;
    recorded.set(nominalAt, count);
    if (count === 2) violations.push({ invariant: 'I1', subject, text: 'recorded again', at });
    if (!times.has(nominalAt)) violations.push({ invariant: 'I3', subject, text: 'is no time of the range', at });
  }
  const at = plan.ackedAt;
  if (at === null) return violations;
  const lost = [...times].filter((time) => !recorded.has(time));
  return [
    ...violations,
    ...lost.map((time) => ({ invariant: 'I2' as const, subject: `${name}@${time}`, text: 'has no record', at })),
  ];
}

function checkOrder(
  name: string,
  { overlap }: BackfillPlan,
  { firings, last }: { firings: readonly Firing[]; last: ReadonlyMap<string, RecordState> },
): readonly Violation[] {
  if (overlap === 'allow') return [];
  const sorted = [...firings].sort((a, b) => a.record.nominalAt - b.record.nominalAt);
  return sorted.slice(1).flatMap(({ record }, i) => {
    const before = sorted[i];
    const endedAt = before === undefined ? 0 : (last.get(before.id)?.finishedAt ?? Infinity);
    if (record.firedAt >= endedAt) return [];
    const subject = `${name}@${record.nominalAt}`;
    return [{ invariant: 'I7' as const, subject, text: 'queued before the one before had ended', at: record.firedAt }];
  });
}
