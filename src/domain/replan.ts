import type { EpochMs } from './time/instant.js';
import { waitsForCompletion, type CompiledSchedule } from './time/schedule.js';
import { nextFire, type Trigger } from './trigger.js';

/**
 * What a change of calendars or of zone data does to a stored trigger. The stored due instant is what was
 * promised with the calendars of its time: nothing between the watermark and it was to be fired. So whatever
 * the changed calendars say about times before the change, they stay as they were, and only what is at or after
 * the promised instant, or after the change, is planned anew, however late it is heard of.
 */

/** All nominal times up to here are decided, by the watermark or by the due instant that was stored with it. */
export function decidedThrough({ definition, state, dueAt }: Trigger): EpochMs {
  if (dueAt === undefined || waitsForCompletion(definition.schedule)) return state.watermark;
  // The nominal time lies before the due instant by the jitter at most.
  return Math.max(state.watermark, dueAt - (definition.jitterMs ?? 0) - 1);
}

/** The schedule of a stored trigger, without times that are decided already. */
export function undecidedTimes(
  trigger: Trigger,
  compiled: Pick<CompiledSchedule, 'next'>,
): Pick<CompiledSchedule, 'next'> {
  const through = decidedThrough(trigger);
  return through === trigger.state.watermark ? compiled : { next: (after) => compiled.next(Math.max(after, through)) };
}

/**
 * When the trigger is due with what is in force since `changedAt`: an instant (which may have passed), null when
 * nothing follows, or `undefined` when it stays as it is stored.
 */
export function replannedDueAt(
  trigger: Trigger,
  compiled: Pick<CompiledSchedule, 'next'>,
  changedAt: EpochMs,
): EpochMs | null | undefined {
  const { key, definition, state, dueAt } = trigger;
  if (definition.paused === true || waitsForCompletion(definition.schedule)) return undefined;
  if (state.fireCount >= (definition.maxFires ?? Infinity)) return undefined;
  const promised = dueAt === undefined ? Infinity : dueAt - (definition.jitterMs ?? 0) - 1;
  const next = nextFire(key, definition, compiled, Math.max(state.watermark, Math.min(changedAt, promised)));
  const nextDueAt = next?.dueAt ?? null;
  return nextDueAt === (dueAt ?? null) ? undefined : nextDueAt;
}
