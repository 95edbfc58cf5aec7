import { createHash } from 'node:crypto';
import { z } from 'zod';
import { backfillExecutionId, type ExecutionId, type NewExecution } from './execution.js';
import { dataSchema, type Job, type JobKey } from './job.js';
import type { JsonValue } from './json.js';
import { NAME } from './limits.js';
import type { ShardId } from './shard.js';
import { laneOf } from './target.js';
import type { EpochMs } from './time/instant.js';
import { instantSchema, type CompiledSchedule } from './time/schedule.js';
import { nextFire, triggerKeyOf, triggerName, type TriggerDefinition, type TriggerKey } from './trigger.js';

/** Nominal times of one backfill at most. */
export const MAX_BACKFILL_TIMES = 10_000;
/** Below every fire that is live, unless its job has this priority too. */
export const BACKFILL_PRIORITY = -100;

/**
 * What happens to a time while the execution before it in the same backfill has not ended: `bufferAll` waits for
 * its end, so that they run one after the other; `skip` records it as skipped; `allow` runs all side by side.
 */
export const backfillOverlapSchema = z.enum(['allow', 'skip', 'bufferAll']);
export type BackfillOverlap = z.output<typeof backfillOverlapSchema>;

export const backfillInputSchema = z.strictObject({
  /** Names the backfill; the same id again is the same backfill. */
  id: NAME.optional(),
  /** The trigger whose times are taken; the one called `default` if absent. */
  trigger: NAME.optional(),
  /** First instant of the range, inclusive. */
  from: instantSchema,
  /** End of the range, exclusive; not in the future. */
  to: instantSchema,
  overlap: backfillOverlapSchema.default('bufferAll'),
  /** Instead of the data of the trigger. */
  data: dataSchema.optional(),
});

export type BackfillInput = z.input<typeof backfillInputSchema>;

/** What was asked for, with the definition of the trigger as it was then. */
export interface BackfillRequest {
  readonly id: string;
  readonly job: JobKey;
  /** Name of the trigger. */
  readonly trigger: string;
  readonly definition: TriggerDefinition;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly overlap: BackfillOverlap;
  readonly data?: JsonValue;
  /** Nominal times in the range when it was asked for. */
  readonly count: number;
  readonly createdAt: EpochMs;
}

export type BackfillState = 'running' | 'done' | 'cancelled';

/** `cancelled` by a caller, or because the job is gone. */
export type BackfillReason = 'cancelled' | 'job-deleted';

/** A stored backfill and how far it has come. */
export interface Backfill extends BackfillRequest {
  readonly state: BackfillState;
  readonly reason?: BackfillReason;
  /** Times up to here, inclusive, are decided; only moves forward. At first the instant before `from`. */
  readonly cursor: EpochMs;
  readonly queuedCount: number;
  readonly skippedCount: number;
  readonly lastExecutionId?: ExecutionId;
  readonly finishedAt?: EpochMs;
}

/** Decides the next times of a backfill; applied as a whole, and only from the cursor it was made from. */
export interface BackfillStep {
  readonly backfill: BackfillKey;
  readonly expectedCursor: EpochMs;
  readonly cursor: EpochMs;
  readonly fires: readonly NewExecution[];
  readonly overlap: BackfillOverlap;
  /** Nothing follows. */
  readonly isLast: boolean;
  readonly retentionMs: number;
}

/** `namespace/job/id` */
export type BackfillKey = `${JobKey}/${string}`;

export function backfillKeyOf({ job, id }: Pick<BackfillRequest, 'job' | 'id'>): BackfillKey {
  return `${job}/${id}`;
}

/** The nominal times of the trigger in `[from, to)` after `after`, ascending, at most `limit`. */
export function backfillTimes(
  { job, trigger, definition, to }: Pick<BackfillRequest, 'job' | 'trigger' | 'definition' | 'to'>,
  compiled: Pick<CompiledSchedule, 'next'>,
  { after, limit }: { readonly after: EpochMs; readonly limit: number },
): EpochMs[] {
  const key = triggerKeyOf(job, trigger);
  const { jitterMs: _jitter, ...exact } = definition;
  const times: EpochMs[] = [];
  for (let from = after; times.length < limit;) {
    const next = nextFire(key, exact, compiled, from);
    if (next === null || next.nominalAt >= to) break;
    times.push((from = next.nominalAt));
  }
  return times;
}

/** At most `limit` fires; one, where each waits for the one before. */
export function planBackfill(
  backfill: Backfill,
  {
    job,
    shard,
    compiled,
    limit,
  }: { job: Job; shard: ShardId; compiled: Pick<CompiledSchedule, 'next'>; limit: number },
): BackfillStep {
  const size = backfill.overlap === 'allow' ? limit : 1;
  const times = backfillTimes(backfill, compiled, { after: backfill.cursor, limit: size + 1 });
  const taken = times.slice(0, size);
  return {
    backfill: backfillKeyOf(backfill),
    expectedCursor: backfill.cursor,
    cursor: taken.at(-1) ?? backfill.to,
    fires: taken.map((nominalAt) => newExecution(backfill, { job, shard, nominalAt })),
    overlap: backfill.overlap,
    isLast: times.length <= size,
    retentionMs: job.retention.succeededMs,
  };
}

function newExecution(
  backfill: Backfill,
  { job, shard, nominalAt }: { job: Job; shard: ShardId; nominalAt: EpochMs },
): NewExecution {
  const data = backfill.data ?? backfill.definition.data;
  const trigger: TriggerKey = triggerKeyOf(backfill.job, backfill.trigger);
  return {
    id: backfillExecutionId(shard, identityOf(trigger, backfill.id), nominalAt),
    job: backfill.job,
    trigger: triggerName(trigger),
    nominalAt,
    dueAt: nominalAt,
    lane: laneOf(job.queue, job.target),
    priority: BACKFILL_PRIORITY,
    maxAttempts: job.retry.maxAttempts,
    ...(data === undefined ? {} : { data }),
    backfill: backfill.id,
  };
}

function identityOf(trigger: TriggerKey, id: string): string {
  return createHash('sha256').update(`${trigger}\n${id}`).digest('hex').slice(0, 24);
}
