import type { EpochMs } from './time/instant.js';
import { waitsForCompletion, type CompiledSchedule } from './time/schedule.js';
import { nextFire, type Trigger } from './trigger.js';

/**
 * The due instant that a stored trigger should have, where it has none or one that comes too late, so that a time
 * would be passed over; undefined when it is right, or when the schedule alone does not say. A due instant that
 * comes too early does no harm: the leader looks, and finds that nothing is due yet.
 *
 * A trigger that names calendars, or whose zone has rules, may have been planned with others than those of today,
 * and then times before its due instant were left out on purpose: such a one is only looked at when it has none.
 */
export function repairedDueAt(
  { key, definition, state, dueAt }: Trigger,
  compiled: Pick<CompiledSchedule, 'next'>,
): EpochMs | undefined {
  if (definition.paused === true || waitsForCompletion(definition.schedule)) return undefined;
  if (state.fireCount >= (definition.maxFires ?? Infinity)) return undefined;
  if (dueAt !== undefined && !followsFromSchedule(definition)) return undefined;
  const next = nextFire(key, definition, compiled, state.watermark);
  return next === null || next.dueAt >= (dueAt ?? Infinity) ? undefined : next.dueAt;
}

function followsFromSchedule({ schedule, timeZone, calendars }: Trigger['definition']): boolean {
  return calendars === undefined && timeZone === 'UTC' && ['cron', 'every', 'at'].includes(schedule.type);
}
