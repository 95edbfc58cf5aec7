import type { CompiledSchedule } from '../domain/time/schedule.js';
import { compileTrigger, type TriggerDefinition, type TriggerKey } from '../domain/trigger.js';

/** Where the planner has its schedules from. */
export interface ScheduleSource {
  get(key: TriggerKey, definition: TriggerDefinition): Pick<CompiledSchedule, 'next'>;
}

/**
 * Compiled schedules, shared by all triggers that say the same in the same zone, so that a million birthdays
 * do not need a million of them. Holds the `capacity` used last.
 */
export class ScheduleCache implements ScheduleSource {
  readonly #compiled = new Map<string, CompiledSchedule>();
  readonly #capacity: number;

  constructor({ capacity }: { capacity: number }) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#compiled.size;
  }

  /** Errors: `CJ_SCHEDULE_INVALID`, e.g. for a zone that this member does not know; not remembered. */
  get(key: TriggerKey, definition: TriggerDefinition): CompiledSchedule {
    const content = contentOf(key, definition);
    const known = this.#compiled.get(content);
    const compiled = known ?? compileTrigger(key, definition);
    // Set again, so that the oldest entry of the map is the one used longest ago.
    if (known !== undefined) this.#compiled.delete(content);
    this.#compiled.set(content, compiled);
    if (this.#compiled.size > this.#capacity) {
      for (const oldest of this.#compiled.keys()) {
        this.#compiled.delete(oldest);
        break;
      }
    }
    return compiled;
  }
}

function contentOf(key: TriggerKey, { schedule, timeZone, dstGap, dstOverlap }: TriggerDefinition): string {
  // `H` stands for a number made from the trigger's key.
  const seed = schedule.type === 'cron' && schedule.expression.includes('H') ? key : '';
  return JSON.stringify([schedule, timeZone, dstGap, dstOverlap, seed]);
}
