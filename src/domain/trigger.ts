import { z } from 'zod';
import { ValidationError } from './errors.js';
import { parseInput } from './input.js';
import type { CompiledCalendar } from './calendar.js';
import type { JsonValue } from './json.js';
import { MAX_CALENDARS_PER_TRIGGER, NAME } from './limits.js';
import { misfirePolicySchema, type MisfirePolicy } from './misfire-policy.js';
import { overlapPolicySchema, type OverlapPolicy } from './overlap-policy.js';
import { dataSchema, type Job, type JobKey } from './job.js';
import { placementHash } from './shard.js';
import type { DurationMs, EpochMs } from './time/instant.js';
import {
  compileSchedule,
  instantSchema,
  scheduleSchema,
  type CompiledSchedule,
  type Schedule,
  type SearchableSchedule,
} from './time/schedule.js';

/** `namespace/job/trigger`. */
export type TriggerKey = `${string}/${string}/${string}`;

export function triggerKeyOf(job: JobKey, trigger: string): TriggerKey {
  return `${job}/${trigger}`;
}

export function jobKeyOfTrigger(key: TriggerKey): JobKey {
  return key.slice(0, key.lastIndexOf('/')) as JobKey;
}

export function triggerName(key: TriggerKey): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

/** The trigger under which a schedule written inline in a job is stored. */
export const DEFAULT_TRIGGER = 'default';

/** The fields of a trigger that a caller writes; also what is written inline in a job. */
export const triggerFields = {
  schedule: scheduleSchema,
  timeZone: z.string().min(1).max(64).optional(),
  startAt: instantSchema.optional(),
  endAt: instantSchema.optional(),
  maxFires: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  jitterMs: z.int().min(1).max(86_400_000).optional(),
  dstGap: z.enum(['next', 'skip', 'shift']).optional(),
  dstOverlap: z.enum(['first', 'second', 'both']).optional(),
  /** Names of calendars of the namespace; only times that all of them include are fires. */
  calendars: z.array(NAME).max(MAX_CALENDARS_PER_TRIGGER).optional(),
} as const;

export const triggerInputSchema = z.strictObject({
  name: NAME.optional(),
  ...triggerFields,
  misfire: misfirePolicySchema.optional(),
  overlap: overlapPolicySchema.optional(),
  data: dataSchema.optional(),
  paused: z.boolean().optional(),
});

export type TriggerInput = z.input<typeof triggerInputSchema>;

/**
 * *When* a job runs, as stored. What is absent is inherited: `misfire` and `overlap` from the job at each
 * fire, `data` likewise. The time zone is resolved when the trigger is written.
 */
export interface TriggerDefinition {
  readonly schedule: Schedule;
  readonly timeZone: string;
  readonly startAt?: EpochMs;
  readonly endAt?: EpochMs;
  readonly maxFires?: number;
  readonly jitterMs?: DurationMs;
  readonly dstGap?: 'next' | 'skip' | 'shift';
  readonly dstOverlap?: 'first' | 'second' | 'both';
  /** Not empty, and each once. */
  readonly calendars?: readonly string[];
  readonly misfire?: MisfirePolicy;
  readonly overlap?: OverlapPolicy;
  readonly data?: JsonValue;
  readonly paused?: true;
}

/** What firing has done to a trigger so far. Changed only by the store's scripts. */
export interface TriggerState {
  /** Grows with every change of the definition, from 1. */
  readonly version: number;
  /** Last nominal time that has been decided; only moves forward. At creation: the instant of creation. */
  readonly watermark: EpochMs;
  readonly fireCount: number;
  /** The newest execution of this trigger, to see whether it still runs. */
  readonly lastExecutionId?: string;
}

export interface Trigger {
  readonly key: TriggerKey;
  readonly definition: TriggerDefinition;
  readonly state: TriggerState;
  /** When it becomes due next (nominal + jitter); absent when paused, when nothing follows, or while `awaitsCompletion`. */
  readonly dueAt?: EpochMs;
}

/**
 * Checks one trigger as a caller wrote it. Defaults that belong to the job are left out of the result.
 * Errors: `ValidationError`; fields relative to the trigger.
 */
export function parseTrigger(
  input: unknown,
  job: Pick<Job, 'timeZone'>,
): { name: string; definition: TriggerDefinition } {
  const { name, timeZone, paused, calendars = [], ...rest } = parseInput(triggerInputSchema, input);
  const definition: TriggerDefinition = {
    ...withoutUndefined(rest),
    timeZone: timeZone ?? job.timeZone,
    ...(calendars.length === 0 ? {} : { calendars: [...new Set(calendars)] }),
    ...(paused === true ? { paused } : {}),
  };
  if (definition.startAt !== undefined && definition.endAt !== undefined && definition.endAt <= definition.startAt) {
    throw new ValidationError([{ field: 'endAt', message: 'must be later than startAt' }]);
  }
  compileTrigger('check/check/check', definition);
  return { name: name ?? DEFAULT_TRIGGER, definition };
}

/**
 * Compiles the schedule of a trigger, with those calendars that it names.
 * Errors: `CJ_SCHEDULE_INVALID`, fields relative to the trigger.
 */
export function compileTrigger(
  key: TriggerKey,
  definition: TriggerDefinition,
  calendars: readonly CompiledCalendar[] = [],
): SearchableSchedule {
  try {
    return compileSchedule(definition.schedule, {
      timeZone: definition.timeZone,
      dstGap: definition.dstGap,
      dstOverlap: definition.dstOverlap,
      hashSeed: key,
      calendars,
    });
  } catch (error) {
    if (error instanceof ValidationError) {
      throw error.violations.some((v) => v.field === 'timeZone') ? error : error.under('schedule');
    }
    throw error;
  }
}

/** One occurrence: `dueAt` = `nominalAt` + jitter, and never later than the following nominal time. */
export interface FireTime {
  readonly nominalAt: EpochMs;
  readonly dueAt: EpochMs;
}

/**
 * The first fire with a nominal time strictly after `after`, within the trigger's bounds; null when nothing
 * follows. Jitter is a stable hash of the fire's identity, so that every member computes the same instant.
 */
export function nextFire(
  key: TriggerKey,
  definition: TriggerDefinition,
  compiled: Pick<CompiledSchedule, 'next'>,
  after: EpochMs,
): FireTime | null {
  const nominalAt = compiled.next(Math.max(after, notBefore(definition)));
  if (nominalAt === null || (definition.endAt !== undefined && nominalAt >= definition.endAt)) return null;
  if (definition.jitterMs === undefined) return { nominalAt, dueAt: nominalAt };
  const following = compiled.next(nominalAt);
  const room = following === null ? definition.jitterMs : Math.min(definition.jitterMs, following - nominalAt - 1);
  const jitter = placementHash(`${key}@${nominalAt}`) % (Math.max(room, 0) + 1);
  return { nominalAt, dueAt: nominalAt + jitter };
}

/** The instant from which the search begins at the earliest: what it finds does not lie before `startAt`. */
function notBefore({ schedule, startAt = -Infinity }: TriggerDefinition): EpochMs {
  return startAt - (schedule.type === 'after' ? schedule.delayMs : 1);
}

/**
 * Does nothing fall due before the execution that the trigger fired last has ended? Only of one whose schedule
 * waits for completion, and only while that execution runs or waits for a worker.
 */
export function awaitsCompletion({ definition, state, dueAt }: Trigger): boolean {
  const { schedule, maxFires = Infinity, endAt = Infinity, paused } = definition;
  if (schedule.type !== 'after' || paused === true || dueAt !== undefined) return false;
  return state.fireCount < maxFires && state.watermark + schedule.delayMs < endAt;
}

/**
 * When a trigger with a fixed delay becomes due after a completion at `endedAt`. Where more than the delay has a
 * say, at once: the leader then works out the rest, and moves the due instant.
 */
export function dueAfterCompletion(definition: TriggerDefinition, endedAt: EpochMs): EpochMs {
  const { schedule, startAt, endAt, maxFires, jitterMs, calendars } = definition;
  const isPlain = [startAt, endAt, maxFires, jitterMs, calendars].every((rule) => rule === undefined);
  return schedule.type === 'after' && isPlain ? endedAt + schedule.delayMs : endedAt;
}

/**
 * Where a new or changed trigger starts: everything up to `now` counts as decided. A one-shot whose instant
 * passed within its misfire grace still fires, so that "in a moment" works despite the way to the store.
 * Errors: `CJ_SCHEDULE_INVALID` when nothing will ever fire.
 */
export function firstFire(
  key: TriggerKey,
  definition: TriggerDefinition,
  now: EpochMs,
  calendars: readonly CompiledCalendar[] = [],
): { watermark: EpochMs; next: FireTime } {
  const compiled = compileTrigger(key, definition, calendars);
  const graceMs = definition.misfire?.graceMs ?? misfirePolicySchema.parse({}).graceMs;
  const watermark = definition.schedule.type === 'at' ? now - graceMs : now;
  const next = nextFire(key, definition, compiled, watermark);
  if (next === null) {
    const isExcluded = nextFire(key, definition, compileTrigger(key, definition), watermark) !== null;
    const field = definition.endAt !== undefined && definition.endAt <= now ? 'endAt' : 'schedule';
    const violation = isExcluded
      ? { field: 'calendars', message: 'nothing will ever fire: every time is excluded' }
      : { field, message: 'nothing will ever fire: every time is in the past' };
    throw new ValidationError([violation], 'CJ_SCHEDULE_INVALID');
  }
  return { watermark, next };
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
