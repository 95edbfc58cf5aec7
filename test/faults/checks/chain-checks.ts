import type { FiringSpan, History, RecordState, TriggerPlan } from '../history.js';
import type { Violation } from '../violation.js';
import { lastStates } from './execution-checks.js';
import { firingsByTrigger } from './firing-checks.js';

interface Link {
  readonly nominalAt: number;
  /** Of its execution; null while that has not ended. */
  readonly endedAt: number | null;
}

/**
 * I1, I2, I3, I6, I7 for triggers that fire a delay after the end of their last execution: each fire is exactly that
 * delay after the end before, the first one after the definition, and none stands still.
 */
export function checkChains(history: History): readonly Violation[] {
  const plans = history.triggers.filter(({ spans }) => spans[0]?.rhythm.kind === 'after');
  if (plans.length === 0) return [];
  const byTrigger = firingsByTrigger(history);
  const last = lastStates(history.log.entries);
  return plans.flatMap((plan) => {
    const links = (byTrigger.get(plan.key) ?? [])
      .map(({ id, record }) => linkOf(last.get(id) ?? record))
      .sort((a, b) => a.nominalAt - b.nominalAt);
    return plan.spans.flatMap((span) => checkChain(plan, span, links));
  });
}

/** What was missed counts as ended when that was found. */
function linkOf({ nominalAt, state, firedAt, finishedAt }: RecordState): Link {
  return { nominalAt, endedAt: state === 'missed' ? firedAt : finishedAt };
}

function checkChain(
  { key }: TriggerPlan,
  { rhythm, may, must }: FiringSpan,
  links: readonly Link[],
): readonly Violation[] {
  if (rhythm.kind !== 'after') return [];
  const { delayMs } = rhythm;
  const violations: Violation[] = [];
  const found = (invariant: Violation['invariant'], at: number, text: string): void => {
    violations.push({ invariant, subject: `${key}@${at}`, text, at });
  };
  // When the next one has to be: exactly once there was an end, before that in the time the definition took to be stored.
  let earliest = may.from + delayMs;
  let latest = must.from + delayMs;
  let before: Link | null = null;
  for (const link of links) {
    const { nominalAt } = link;
    if (before?.nominalAt === nominalAt) found('I1', nominalAt, 'is recorded again');
    else if (before?.endedAt === null) found('I7', nominalAt, 'fired before the execution before had ended');
    else if (nominalAt < earliest) found('I6', nominalAt, `is ${earliest - nominalAt} ms before its delay has passed`);
    else if (nominalAt > latest) found('I2', latest, `has no record, the next one is ${nominalAt - latest} ms later`);
    if (nominalAt > may.until) found('I3', nominalAt, 'is after the end of the trigger');
    before = link;
    if (link.endedAt !== null) earliest = latest = link.endedAt + delayMs;
  }
  const isWaiting = before !== null && before.endedAt === null;
  if (!isWaiting && latest <= must.until) found('I2', latest, 'has no record, and nothing comes after it');
  return violations;
}
