import type { Backfill, BackfillKey, BackfillReason, BackfillRequest, BackfillStep } from '../domain/backfill.js';
import type { JobKey } from '../domain/job.js';
import type { Epoch, ShardId } from '../domain/shard.js';
import type { DurationMs } from '../domain/time/instant.js';

/** Backfills of one shard that are stored at most, ended ones included. */
export const MAX_BACKFILLS = 1000;
/** How long an ended backfill can still be looked at. */
export const ENDED_BACKFILL_MS: DurationMs = 604_800_000;

/**
 * `busy`: the execution before has not ended, and is waited for. `stale`: the backfill was cancelled, or has moved
 * on: nothing was written.
 */
export type BackfillOutcome = 'stepped' | 'busy' | 'stale';

/**
 * Backfills, each in the shard of its trigger, worked through by the leader. A repeated call with the same
 * arguments changes nothing more. All methods may throw `StoreUnavailableError`; those with an epoch `FencedError`.
 */
export interface BackfillStore {
  /**
   * Stores a backfill unless one of this id is stored, and returns what is stored.
   * Errors: `CJ_JOB_NOT_FOUND`; `ValidationError` with `MAX_BACKFILLS` in the shard.
   */
  putBackfill(request: BackfillRequest): Promise<Backfill>;

  getBackfill(job: JobKey, id: string): Promise<Backfill | null>;

  /** Oldest first. */
  listBackfills(job: JobKey): Promise<readonly Backfill[]>;

  /** Queues nothing more; what is queued stays. An ended one stays as it is. Null when there is none. */
  cancelBackfill(job: JobKey, id: string): Promise<Backfill | null>;

  /** All of a shard, oldest first. */
  readBackfills(shard: ShardId): Promise<readonly Backfill[]>;

  /** Queues the fires of a step and moves the cursor, in one transition. */
  stepBackfill(shard: ShardId, epoch: Epoch, step: BackfillStep): Promise<BackfillOutcome>;

  /** Ends one that runs. */
  endBackfill(shard: ShardId, epoch: Epoch, backfill: BackfillKey, reason: BackfillReason): Promise<void>;

  /** Deletes those that ended `ENDED_BACKFILL_MS` ago. */
  dropBackfills(shard: ShardId, epoch: Epoch, backfills: readonly BackfillKey[]): Promise<void>;
}
