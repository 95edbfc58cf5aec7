import { isDeepStrictEqual } from 'node:util';
import type { CompiledCalendar } from '../domain/calendar.js';
import { ValidationError } from '../domain/errors.js';
import type { EpochMs } from '../domain/time/instant.js';
import { firstFire, triggerName, type Trigger, type TriggerDefinition, type TriggerKey } from '../domain/trigger.js';
import type { TriggerWrite } from '../store/job-store.js';

/**
 * What the store needs to write a trigger whose time starts now; null when it is already stored just so and
 * nothing of it is left to fire, as with a one-shot that is declared again after it fired.
 * Errors: `ValidationError` when nothing will ever fire.
 */
export function triggerWrite(
  key: TriggerKey,
  definition: TriggerDefinition,
  {
    now,
    stored,
    calendars,
  }: {
    readonly now: EpochMs;
    readonly stored: Trigger | null;
    readonly calendars: readonly CompiledCalendar[];
  },
): TriggerWrite | null {
  const name = triggerName(key);
  if (definition.paused === true) return { name, definition, watermark: now, next: null };
  try {
    return { name, definition, ...firstFire(key, definition, now, calendars) };
  } catch (error) {
    const isStored = stored !== null && isDeepStrictEqual(stored.definition, definition);
    if (error instanceof ValidationError && isStored) return null;
    throw error;
  }
}
