import type { Execution, ExecutionError, ExecutionId, NewExecution } from '../domain/execution.js';
import type { ExecutionState } from '../domain/execution-state.js';
import type { FireDecision } from '../domain/fire-plan.js';
import type { Job, JobKey } from '../domain/job.js';
import type { JsonValue } from '../domain/json.js';
import type { LeaseToken } from '../domain/lease.js';
import type { Epoch, MemberId, ShardId } from '../domain/shard.js';
import type { Lane } from '../domain/target.js';
import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import type { Trigger, TriggerKey } from '../domain/trigger.js';
import type { Page, PageRequest } from './job-store.js';

/** What the leader of a shard reads ahead. */
export interface DueBatch {
  /** Due up to the asked instant, earliest first; at most `limit`. Each has `dueAt`. */
  readonly triggers: readonly Trigger[];
  /** The jobs of these triggers; a trigger whose job is not here is an orphan. */
  readonly jobs: ReadonlyMap<JobKey, Job>;
  /** Due instant of the first trigger that is not in the batch; null when there is none. */
  readonly followingDueAt: EpochMs | null;
}

export type { FireDecision };

export interface FireResult {
  /** `waiting`: an execution of a trigger that waits for completion has not ended; its end makes the trigger due. */
  readonly outcome: 'fired' | 'waiting' | 'stale' | 'early';
  /** How many of `fires` became `skipped` records. */
  readonly skippedCount: number;
}

export interface ClaimRequest {
  /** Lanes that the worker can serve. */
  readonly lanes: readonly Lane[];
  readonly limit: number;
  readonly worker: string;
  readonly leaseMs: DurationMs;
  /**
   * Chosen by the worker, new for every claim. Repeating a claim with the same token returns what the lost
   * answer held and claims nothing more.
   */
  readonly token: LeaseToken;
}

export interface ClaimedExecution {
  readonly execution: Execution;
  readonly token: LeaseToken;
}

/** A reference to the attempt that a worker believes to hold. */
export interface LeaseRef {
  readonly id: ExecutionId;
  readonly token: LeaseToken;
}

/** `cancelling` = extended, but a caller asked for the execution to be cancelled. */
export type ExtendOutcome = 'extended' | 'cancelling' | 'lost';

/** `repeated` = this very call was applied before. */
export type SettleOutcome = 'settled' | 'repeated' | 'lost';

export type Settlement =
  | { readonly type: 'succeeded'; readonly result?: JsonValue; readonly retentionMs: DurationMs }
  | { readonly type: 'retry'; readonly error: ExecutionError; readonly retryInMs: DurationMs }
  | {
      readonly type: 'failed';
      readonly error: ExecutionError;
      readonly reason: 'attempts-used-up' | 'discarded';
      readonly retentionMs: DurationMs;
    }
  | { readonly type: 'cancelled'; readonly reason: 'cancelled' | 'job-deleted'; readonly retentionMs: DurationMs }
  /** Given back unrun (drain): queued again at once, and the attempt is not counted. */
  | { readonly type: 'released' };

export interface ExecutionFilter extends PageRequest {
  readonly namespace: string;
  readonly job?: string | undefined;
  readonly state?: ExecutionState | undefined;
  /** Only with a nominal time at or after this instant. */
  readonly since?: EpochMs | undefined;
}

export interface FenceState {
  readonly epoch: Epoch;
  /** Who sealed it; null when nobody ever led. */
  readonly member: MemberId | null;
  readonly sealedAt: EpochMs | null;
}

export interface ShardWakeTimes {
  /** Earliest due trigger, delayed retry, lease expiry and end of retention; null = none. */
  readonly dueAt: EpochMs | null;
  readonly retryAt: EpochMs | null;
  readonly leaseAt: EpochMs | null;
  readonly expiryAt: EpochMs | null;
}

export interface ShardCounts {
  readonly triggers: number;
  readonly executions: number;
  readonly queued: number;
  readonly running: number;
  readonly retrying: number;
}

export type Unsubscribe = () => Promise<void>;

/**
 * Fires and executions. Methods with an `epoch` are the leader's: a smaller epoch than the shard's fence is
 * refused with `FencedError` before anything is written, a larger one raises the fence. Methods with a token
 * are the worker's. Due-ness and leases follow the store's clock. Every method may throw
 * `StoreUnavailableError`; repeating a call with the same arguments is always safe and never applies it twice.
 */
export interface ExecutionStore {
  readonly shardCount: number;

  /** The store's wall clock. */
  serverTime(): Promise<EpochMs>;

  // ── leadership ──────────────────────────────────────────────────────────────────────────────────────────

  readFence(shard: ShardId): Promise<FenceState>;

  /** Raises the fence to `epoch`, in the member's name; the first write of a term. Equal epoch and member: no change. Errors: `FencedError`. */
  sealFence(shard: ShardId, epoch: Epoch, member: MemberId): Promise<void>;

  /**
   * Notes that the term with this epoch is over: `readFence` then names no member; the epoch stays. Lets people see
   * that nobody leads, and tells a leader that was paused whether it has been replaced. Errors: `FencedError`.
   */
  releaseFence(shard: ShardId, epoch: Epoch): Promise<void>;

  /**
   * Raises the fence by one, at least above `above`, and returns it: the epoch source where there is no ZooKeeper. A store
   * that has lost writes does not turn epochs back for a member that remembers its last one.
   */
  raiseFence(shard: ShardId, member: MemberId, above?: Epoch): Promise<Epoch>;

  // ── firing ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Triggers with a due instant up to `until`, and not before `from`, both inclusive, earliest first. Read only. */
  readDue(shard: ShardId, until: EpochMs, limit: number, from?: EpochMs): Promise<DueBatch>;

  /** Applies decisions, each on its own; results in the same order. At most 1000 per call. */
  fire(shard: ShardId, epoch: Epoch, decisions: readonly FireDecision[]): Promise<readonly FireResult[]>;

  /** Removes triggers whose job is gone. */
  dropOrphans(shard: ShardId, epoch: Epoch, triggers: readonly TriggerKey[]): Promise<void>;

  wakeTimes(shard: ShardId): Promise<ShardWakeTimes>;

  /** Queues retries whose delay has passed. Returns how many; `limit` of them means there may be more. */
  requeueRetries(shard: ShardId, epoch: Epoch, limit: number): Promise<number>;

  /**
   * Takes back executions whose lease has expired: queued again if attempts are left, else failed with reason
   * `attempts-used-up`; cancelled where that was asked for.
   */
  rescueExpired(
    shard: ShardId,
    epoch: Epoch,
    limit: number,
  ): Promise<{ readonly requeued: number; readonly failed: number; readonly cancelled: number }>;

  /** Deletes executions and finished triggers whose retention has ended. Returns how many. */
  deleteExpired(shard: ShardId, epoch: Epoch, limit: number): Promise<number>;

  /**
   * Calls `listener` after a trigger was written (the leader has read ahead and looks again) and when a retry
   * becomes the earliest. Hints may be lost or come twice.
   */
  onShardChanged(shard: ShardId, listener: () => void): Promise<Unsubscribe>;

  // ── work ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Highest priority first, then earliest due. The attempt number of what is returned has been raised. */
  claim(shard: ShardId, request: ClaimRequest): Promise<readonly ClaimedExecution[]>;

  extend(shard: ShardId, leases: readonly LeaseRef[], leaseMs: DurationMs): Promise<readonly ExtendOutcome[]>;

  /** Ends or gives back attempts; `lost` when the token is not the current one, and then nothing changed. */
  settle(
    shard: ShardId,
    items: readonly (LeaseRef & { readonly settlement: Settlement })[],
  ): Promise<readonly SettleOutcome[]>;

  /** Calls `listener` with the shard when something was queued in one of the lanes. Hints may be lost or come twice. */
  onReady(lanes: readonly Lane[], listener: (shard: ShardId, lane: Lane) => void): Promise<Unsubscribe>;

  // ── callers ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Queues a run outside the schedule. The same id again changes nothing and returns the stored record. */
  run(execution: NewExecution): Promise<Execution>;

  getExecution(id: ExecutionId): Promise<Execution | null>;

  /** Newest nominal time first within a job; without a job, newest first within each state, roughly. */
  listExecutions(filter: ExecutionFilter): Promise<Page<Execution>>;

  /**
   * Queued or retrying: cancelled at once. Running: the attempt is told at its next extension. Ended: unchanged.
   * Returns the record after the call; null when it does not exist.
   */
  cancelExecution(id: ExecutionId, retentionMs: DurationMs): Promise<Execution | null>;

  /**
   * Queues a failed execution once more, with one further attempt allowed. Asked again before a worker has taken it,
   * it answers the same. Errors: `CJ_STATE_CONFLICT`. Null when it does not exist.
   */
  retryExecution(id: ExecutionId): Promise<Execution | null>;

  countShard(shard: ShardId): Promise<ShardCounts>;
}

/** How long a trigger that has no further fire is kept, so that it can still be looked at. */
export const FINISHED_TRIGGER_MS: DurationMs = 604_800_000;
