import { backfillOverlapSchema } from '../domain/backfill.js';
import { z } from 'zod';
import { calendarFields, calendarSchema } from '../domain/calendar.js';
import { ERROR_CODES } from '../domain/errors.js';
import { EXECUTION_STATES } from '../domain/execution-state.js';
import { jobFields } from '../domain/job.js';
import { misfirePolicySchema } from '../domain/misfire-policy.js';
import { overlapPolicySchema } from '../domain/overlap-policy.js';
import { scheduleSchema } from '../domain/time/schedule.js';

/** The shapes of `client/views.ts` for OpenAPI; strict, and tests hold real answers against them. */

const instant = z.iso.datetime();
const json = z.json();

const timing = {
  startAt: instant.optional(),
  endAt: instant.optional(),
  maxFires: z.int().optional(),
  jitterMs: z.int().optional(),
  dstGap: z.enum(['next', 'skip', 'shift']).optional(),
  dstOverlap: z.enum(['first', 'second', 'both']).optional(),
  calendars: z.array(z.string()).optional(),
} as const;

export const jobViewSchema = z.strictObject({
  namespace: z.string(),
  name: z.string(),
  ...jobFields,
  schedule: scheduleSchema.optional(),
  ...timing,
  version: z.int(),
  createdAt: instant,
  updatedAt: instant,
  status: z.strictObject({
    state: z.enum(['active', 'paused']),
    nextAt: instant.optional().describe('When the inline schedule fires next'),
    triggerCount: z.int(),
    pause: z.strictObject({ since: instant, reason: z.string() }).optional(),
  }),
});

export const triggerViewSchema = z.strictObject({
  namespace: z.string(),
  job: z.string(),
  name: z.string(),
  schedule: scheduleSchema,
  timeZone: z.string(),
  ...timing,
  misfire: misfirePolicySchema.optional(),
  overlap: overlapPolicySchema.optional(),
  data: json.optional(),
  version: z.int(),
  status: z.strictObject({
    state: z.enum(['active', 'paused', 'finished']),
    nextAt: instant.optional(),
    fireCount: z.int(),
    lastExecutionId: z.string().optional(),
  }),
});

const calendarHead = {
  namespace: z.string(),
  name: z.string(),
  version: z.int(),
  createdAt: instant,
  updatedAt: instant,
} as const;

export const calendarViewSchema = z.union(
  calendarSchema.options.map((option) => z.strictObject({ ...calendarHead, ...option.shape })),
);

export const calendarSummarySchema = z.strictObject({
  ...calendarHead,
  type: z.enum(calendarSchema.options.map((option) => option.shape.type.value)),
  ...calendarFields,
});

export const executionViewSchema = z.strictObject({
  id: z.string(),
  namespace: z.string(),
  job: z.string(),
  trigger: z.string().nullable().describe('null for a run asked for by a caller'),
  state: z.enum(EXECUTION_STATES),
  reason: z.string().optional(),
  nominalAt: instant,
  dueAt: instant,
  firedAt: instant,
  startedAt: instant.optional(),
  finishedAt: instant.optional(),
  attempt: z.int(),
  maxAttempts: z.int(),
  idempotencyKey: z.string(),
  worker: z.string().optional(),
  epoch: z.int(),
  cancelRequested: z.literal(true).optional(),
  backfill: z.string().optional().describe('id of the backfill that it belongs to'),
  data: json.optional(),
  result: json.optional(),
  error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  missed: z.strictObject({ count: z.int(), throughAt: instant }).optional(),
});

export const backfillViewSchema = z.strictObject({
  ...{ id: z.string(), namespace: z.string(), job: z.string(), trigger: z.string() },
  ...{ from: instant, to: instant, overlap: backfillOverlapSchema },
  data: json.optional(),
  state: z.enum(['running', 'done', 'cancelled']),
  reason: z.enum(['cancelled', 'job-deleted']).optional(),
  count: z.int().describe('times in the range'),
  queuedCount: z.int(),
  skippedCount: z.int(),
  createdAt: instant,
  finishedAt: instant.optional(),
});

export const previewViewSchema = z.strictObject({
  description: z.string(),
  fires: z.array(z.strictObject({ at: instant, local: z.string(), note: z.string().optional() })),
});

const nodeViewSchema = z.strictObject({
  id: z.string(),
  facts: z.record(z.string(), json),
  seenAt: instant,
});

export const workerViewSchema = nodeViewSchema;

export const clusterViewSchema = z.strictObject({
  members: z.array(nodeViewSchema),
  shards: z.array(
    z.strictObject({
      shard: z.int(),
      owner: z.string().nullable().describe('Who led the shard last; null when nobody ever did'),
      epoch: z.int(),
      since: instant.nullable(),
      counts: z.strictObject({
        triggers: z.int(),
        executions: z.int(),
        queued: z.int(),
        running: z.int(),
        retrying: z.int(),
      }),
      lagMs: z.int().describe('How long the earliest undecided fire has been due; 0 when nothing is late'),
      rollback: z
        .strictObject({
          kind: z.enum(['rolled-back', 'emptied']),
          at: instant,
          lostCommits: z.int().describe('Acknowledged commits of leaders that were gone, at least'),
          decidedThrough: instant.nullable().describe('Fires due up to here had been decided before'),
        })
        .nullable()
        .describe('When the shard was last found to have lost acknowledged writes; null = never'),
    }),
  ),
  clockOffsetMs: z.number(),
});

export const healthViewSchema = z.strictObject({
  status: z.enum(['ok', 'unavailable']),
  services: z
    .array(z.strictObject({ name: z.string(), state: z.string(), ready: z.boolean(), reason: z.string().optional() }))
    .optional(),
});

export const problemSchema = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  code: z.enum(Object.keys(ERROR_CODES)),
  requestId: z.string(),
  violations: z
    .array(z.strictObject({ field: z.string(), message: z.string(), allowed: z.string().optional() }))
    .optional(),
});

export function pageOf<T extends z.ZodType>(item: T): z.ZodType {
  return z.strictObject({ items: z.array(item), nextCursor: z.string().optional() });
}
