import { z } from 'zod';
import { ValidationError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { jobFields, type Job, type JobDefinition } from '../domain/job.js';
import { calendarSchema } from '../domain/calendar.js';
import { MAX_CALENDARS_PER_TRIGGER, NAME } from '../domain/limits.js';
import { LOCALES } from '../domain/time/locale.js';
import { instantSchema, MAX_PREVIEW_COUNT, scheduleSchema } from '../domain/time/schedule.js';
import { timeZoneOf } from '../domain/time/time-zone.js';
import { parseTrigger, triggerFields, type TriggerDefinition } from '../domain/trigger.js';
import { MASKED_SECRET } from './view-of.js';

const { schedule: _schedule, timeZone: _timeZone, ...timing } = triggerFields;
const timingNames = Object.keys(timing) as readonly (keyof typeof timing)[];

/** Shown by a get and passed over by a put, so that what was read can be changed and put back. */
const readOnlyNames = ['namespace', 'version', 'createdAt', 'updatedAt', 'status'] as const;
const readOnly = z.unknown().optional().describe('Read only: passed over');

/** What a put of a job takes: its definition and, written inline, the schedule of its trigger `default`. */
export const jobInputSchema = z.strictObject({
  name: NAME,
  ...jobFields,
  schedule: scheduleSchema.optional(),
  ...timing,
  namespace: readOnly,
  version: readOnly,
  createdAt: readOnly,
  updatedAt: readOnly,
  status: readOnly,
});

export type JobInput = z.input<typeof jobInputSchema>;

export const previewInputSchema = z.strictObject({
  schedule: scheduleSchema,
  timeZone: z.string().min(1).max(64).default('UTC'),
  /** Fires strictly after this instant; absent = now. */
  after: instantSchema.optional(),
  count: z.int().min(1).max(MAX_PREVIEW_COUNT).default(5),
  dstGap: triggerFields.dstGap,
  dstOverlap: triggerFields.dstOverlap,
  /** Names of calendars of `namespace`, or calendars as they would be put. */
  calendars: z
    .array(z.union([NAME, calendarSchema]))
    .max(MAX_CALENDARS_PER_TRIGGER)
    .optional(),
  /** Where named calendars are looked up. */
  namespace: NAME.optional(),
  /** Language of the description and the notes. */
  locale: z.enum(LOCALES).default('en'),
});

export type PreviewInput = z.input<typeof previewInputSchema>;

export interface ParsedJob {
  readonly name: string;
  readonly definition: JobDefinition;
  /** The trigger `default`; absent when no schedule was written inline. */
  readonly inline?: TriggerDefinition;
}

/**
 * Checks a job as a caller wrote it; `stored` is what it replaces, from which a masked secret is taken.
 * Errors: `ValidationError`, fields as in the input.
 */
export function parseJobInput(input: unknown, stored: Job | null): ParsedJob {
  const parsed = parseInput(jobInputSchema, input);
  const definition = withStoredSecret(definitionOf(parsed), stored);
  const raw = input as Readonly<Record<string, unknown>>;
  const written = timingNames.filter((name) => raw[name] !== undefined);
  if (parsed.schedule === undefined) {
    if (written.length > 0) {
      throw new ValidationError(
        written.map((field) => ({ field, message: 'has no meaning without a schedule in the same job' })),
      );
    }
    timeZoneOf(definition.timeZone);
    return { name: parsed.name, definition };
  }
  const timingInput = Object.fromEntries(written.map((name) => [name, raw[name]]));
  const trigger = parseTrigger({ schedule: raw['schedule'], ...timingInput }, definition);
  return { name: parsed.name, definition, inline: trigger.definition };
}

function definitionOf(parsed: z.output<typeof jobInputSchema>): JobDefinition {
  const { target, queue, priority, timeZone, misfire, overlap, retry, timeoutMs, retention, labels } = parsed;
  const { data, partitioned } = parsed;
  const rest = { target, queue, priority, timeZone, misfire, overlap, retry, timeoutMs, retention, labels };
  return { ...rest, ...(data === undefined ? {} : { data }), ...(partitioned === true ? { partitioned } : {}) };
}

function withStoredSecret(definition: JobDefinition, stored: Job | null): JobDefinition {
  const { target } = definition;
  if (target.type !== 'http' || target.signingSecret !== MASKED_SECRET) return definition;
  const secret = stored?.target.type === 'http' ? stored.target.signingSecret : undefined;
  if (secret === undefined) {
    throw new ValidationError([{ field: 'target.signingSecret', message: 'is masked, and no secret is stored' }]);
  }
  return { ...definition, target: { ...target, signingSecret: secret } };
}

/** The input without what only a get shows: the base that a merge patch is applied to. */
export function withoutReadOnly(view: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(view).filter(([name]) => !(readOnlyNames as readonly string[]).includes(name)),
  );
}
