import { createHash } from 'node:crypto';
import type { ExecutionState } from './execution-state.js';
import type { JobKey } from './job.js';
import type { JsonValue } from './json.js';
import type { Epoch, ShardId } from './shard.js';
import type { Lane } from './target.js';
import type { EpochMs } from './time/instant.js';
import type { TriggerKey } from './trigger.js';

declare const executionIdBrand: unique symbol;

/**
 * `<shard>-<nominal time, 15 digits>-<identity>`: tells the shard, sorts by time within it, and is the same
 * however often one fire is computed.
 */
export type ExecutionId = string & { readonly [executionIdBrand]: true };

const idPattern = /^(\d{1,4})-(\d{15})-([0-9a-z]{1,40})$/;

/** Null when the text is not an execution id. */
export function parseExecutionId(text: string): { id: ExecutionId; shard: ShardId; nominalAt: EpochMs } | null {
  const match = idPattern.exec(text);
  if (match === null) return null;
  return { id: text as ExecutionId, shard: Number(match[1]), nominalAt: Number(match[2]) };
}

function idOf(shard: ShardId, nominalAt: EpochMs, identity: string): ExecutionId {
  return `${shard}-${String(nominalAt).padStart(15, '0')}-${identity}` as ExecutionId;
}

/** 96 bits of the trigger's key, as text: two triggers do not share one. */
export function triggerIdentity(trigger: TriggerKey): string {
  return createHash('sha256').update(trigger).digest('hex').slice(0, 24);
}

export function scheduledExecutionId(shard: ShardId, trigger: TriggerKey, nominalAt: EpochMs): ExecutionId {
  return idOf(shard, nominalAt, triggerIdentity(trigger));
}

/** Id of a run asked for by a caller; `unique` (0-9 a-z) makes a repeated request the same run. */
export function manualExecutionId(shard: ShardId, requestedAt: EpochMs, unique: string): ExecutionId {
  return idOf(shard, requestedAt, `m${unique}`);
}

/** Id of a fire of a backfill; `identity` (0-9 a-z) stands for the trigger and the backfill. */
export function backfillExecutionId(shard: ShardId, identity: string, nominalAt: EpochMs): ExecutionId {
  return idOf(shard, nominalAt, `b${identity}`);
}

/** Id of a record of fires that did not run. */
export function missedExecutionId(shard: ShardId, trigger: TriggerKey, firstNominalAt: EpochMs): ExecutionId {
  return idOf(shard, firstNominalAt, `x${triggerIdentity(trigger)}`);
}

/**
 * The key under which user code can make its effects idempotent: equal for all attempts of one fire. A fire of a
 * backfill has another one than the live fire of the same time: it is to run once more.
 */
export function idempotencyKeyOf(execution: {
  job: JobKey;
  trigger: string | null;
  nominalAt: EpochMs;
  id: ExecutionId;
  backfill?: string;
}): string {
  const { job, trigger, nominalAt, id, backfill } = execution;
  if (trigger === null) return `${job}@${id}`;
  return `${job}/${trigger}@${nominalAt}${backfill === undefined ? '' : `#${backfill}`}`;
}

/** Why a fire has a record but did not run, or why an execution ended as it did. */
export type ExecutionReason =
  | 'overlap' // skipped: the previous execution of the trigger had not ended
  | 'misfire-skip' // missed: later than the grace, policy `skip`
  | 'misfire-collapsed' // missed: later than the grace, a later fire of the same trigger ran instead
  | 'misfire-too-old' // missed: older than `maxAgeMs`
  | 'misfire-too-many' // missed: beyond `maxCount`
  | 'paused' // missed: nobody had decided it when the job or the trigger was paused, or the job resumed
  | 'replaced' // missed: nobody had decided it when the trigger was written anew
  | 'cancelled' // by a caller
  | 'job-deleted'
  | 'attempts-used-up'
  | 'discarded'; // the handler said that no retry can help

export interface ExecutionError {
  readonly code: string;
  readonly message: string;
}

/** The part of an execution that never changes after it was created. */
export interface NewExecution {
  readonly id: ExecutionId;
  readonly job: JobKey;
  /** Name of the trigger; null for a run asked for by a caller. */
  readonly trigger: string | null;
  readonly nominalAt: EpochMs;
  readonly dueAt: EpochMs;
  readonly lane: Lane;
  readonly priority: number;
  readonly maxAttempts: number;
  /** The trigger's or the caller's data; absent = the job's data at the time of running. */
  readonly data?: JsonValue;
  /** Its trigger has a fixed delay after completion: the end of this execution makes it due again. */
  readonly isAwaited?: true;
  /** Id of the backfill that it belongs to. */
  readonly backfill?: string;
}

/** A range of nominal times that did not run: one record, however many they are. */
export interface MissedRange {
  readonly id: ExecutionId;
  readonly nominalAt: EpochMs;
  /** Last nominal time of the range, inclusive. */
  readonly throughAt: EpochMs;
  readonly count: number;
  readonly reason: ExecutionReason;
}

/** The durable record of a fire, of a manual run, or of fires that did not run. */
export interface Execution extends NewExecution {
  readonly state: ExecutionState;
  readonly reason?: ExecutionReason;
  /** When the record was created, by the store's clock. */
  readonly firedAt: EpochMs;
  readonly startedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
  /** Number of the current or last attempt; 0 before the first. */
  readonly attempt: number;
  readonly worker?: string;
  /** Epoch of the leader that fired it; 0 for a manual run. */
  readonly epoch: Epoch;
  readonly cancelRequested?: true;
  readonly result?: JsonValue;
  readonly error?: ExecutionError;
  /** Only on `missed`: how many nominal times the record stands for, and the last of them. */
  readonly missed?: { readonly count: number; readonly throughAt: EpochMs };
}
