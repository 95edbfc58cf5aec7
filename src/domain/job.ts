import { z } from 'zod';
import { ValidationError } from './errors.js';
import { parseInput } from './input.js';
import type { JsonValue } from './json.js';
import { MAX_DATA_BYTES, MAX_LABELS, NAME } from './limits.js';
import { misfirePolicySchema, type MisfirePolicy } from './misfire-policy.js';
import { overlapPolicySchema, type OverlapPolicy } from './overlap-policy.js';
import { retryPolicySchema, type RetryPolicy } from './retry-policy.js';
import { targetSchema, type Target } from './target.js';
import type { DurationMs, EpochMs } from './time/instant.js';

/** `namespace/job`. */
export type JobKey = `${string}/${string}`;

export function jobKeyOf(namespace: string, name: string): JobKey {
  return `${namespace}/${name}`;
}

export function splitJobKey(key: JobKey): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Any JSON up to `MAX_DATA_BYTES`. */
export const dataSchema = z.json().refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_DATA_BYTES, {
  error: `must not be larger than ${MAX_DATA_BYTES} bytes as JSON`,
});

export const jobFields = {
  target: targetSchema,
  data: dataSchema.optional(),
  queue: NAME.default('default'),
  /** Higher runs first within a queue. */
  priority: z.int().min(-100).max(100).default(0),
  timeZone: z.string().min(1).max(64).default('UTC'),
  misfire: misfirePolicySchema.prefault({}),
  overlap: overlapPolicySchema.default('skip'),
  retry: retryPolicySchema.prefault({}),
  timeoutMs: z.int().min(10).max(86_400_000).default(600_000),
  retention: z
    .strictObject({
      succeededMs: z.int().min(0).max(31_536_000_000).default(86_400_000),
      failedMs: z.int().min(0).max(31_536_000_000).default(604_800_000),
    })
    .prefault({}),
  labels: z
    .record(z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), z.string().max(256))
    .refine((labels) => Object.keys(labels).length <= MAX_LABELS, {
      error: `must not have more than ${MAX_LABELS} labels`,
    })
    .default({}),
  /** Spreads the triggers over all shards instead of keeping them in the job's own. Cannot be changed later. */
  partitioned: z.boolean().optional(),
} as const;

export const jobDefinitionSchema = z.strictObject(jobFields);

/** *What* runs: target, data and policies. Everything a caller writes except its triggers. Defaults applied. */
export interface JobDefinition {
  readonly target: Target;
  readonly data?: JsonValue;
  readonly queue: string;
  readonly priority: number;
  /** Default zone of the job's triggers, applied when a trigger is written. */
  readonly timeZone: string;
  readonly misfire: MisfirePolicy;
  readonly overlap: OverlapPolicy;
  readonly retry: RetryPolicy;
  readonly timeoutMs: DurationMs;
  /** How long finished executions are kept: succeeded (also skipped, missed, cancelled) and failed ones. */
  readonly retention: { readonly succeededMs: DurationMs; readonly failedMs: DurationMs };
  readonly labels: Readonly<Record<string, string>>;
  /** The triggers are spread over all shards. The same throughout the life of a job. */
  readonly partitioned?: true;
}

export interface Job extends JobDefinition {
  readonly namespace: string;
  readonly name: string;
  /** Grows with every change, from 1: the ETag. */
  readonly version: number;
  readonly createdAt: EpochMs;
  readonly updatedAt: EpochMs;
  readonly pause?: { readonly since: EpochMs; readonly reason: string };
  /** Fires up to this instant fell into a pause and are not made up for. */
  readonly resumedAt?: EpochMs;
}

/** Checks a job definition without triggers. Errors: `ValidationError`. */
export function parseJobDefinition(input: unknown): JobDefinition {
  const { data, partitioned, ...rest } = parseInput(jobDefinitionSchema, input);
  return { ...rest, ...(data === undefined ? {} : { data }), ...(partitioned === true ? { partitioned } : {}) };
}

/** The problem of a put that would spread or gather the triggers of a job that is there. */
export function partitionedProblem(wanted: JobDefinition): ValidationError {
  const message = `cannot be changed: the job was created ${wanted.partitioned === true ? 'without' : 'with'} it`;
  return new ValidationError([{ field: 'partitioned', message }]);
}
