import { FencedError } from '../../domain/errors.js';
import { assertMove, isTerminal, type ExecutionState } from '../../domain/execution-state.js';
import type { Execution, ExecutionId, NewExecution } from '../../domain/execution.js';
import { jobDefinitionSchema, type Job, type JobKey } from '../../domain/job.js';
import type { LeaseToken } from '../../domain/lease.js';
import { epochOf, type Epoch, type ShardId } from '../../domain/shard.js';
import type { Lane } from '../../domain/target.js';
import type { DurationMs, EpochMs } from '../../domain/time/instant.js';
import {
  dueAfterCompletion,
  jobKeyOfTrigger,
  triggerName,
  type Trigger,
  type TriggerKey,
} from '../../domain/trigger.js';
import type { FenceState } from '../execution-store.js';
import type { MemoryHints } from './memory-hints.js';
import { ScoredSet } from './scored-set.js';

export interface StoredJob {
  job: Job;
  readonly triggers: Map<string, Trigger>;
  /** Names of the triggers in order, all with score 0: what a listing walks along. */
  readonly names: ScoredSet<string>;
}

export interface StoredExecution {
  record: Execution;
  /** Names the attempt that runs; null unless the state is `running`. */
  token: LeaseToken | null;
  /** Token of the attempt that was settled last, to know a repeated call. */
  settledBy: LeaseToken | null;
}

/** Kept even for jobs that are gone: what a job has that says nothing. */
const defaultRetention = jobDefinitionSchema.shape.retention.parse(undefined);

/** Higher priorities first, then earlier due instants; exact as long as instants are below the year 2286. */
const PRIORITY_STEP = 1e13;

/**
 * Everything of one shard. Each execution is in exactly one of the sets that its state names: `ready`
 * (queued), `leases` (running), `retries` (retrying), `ended` (terminal, by end of retention).
 */
export class MemoryShard {
  fence: FenceState = { epoch: epochOf(0), member: null, sealedAt: null };
  /** Of leaders: calls that fired, and marks. */
  commits = 0;
  /** Whether the line of commits has begun. */
  hasHistory = false;
  readonly jobs = new Map<JobKey, StoredJob>();
  readonly due = new ScoredSet<TriggerKey>();
  /** Triggers without a further fire, by the instant at which they are deleted. */
  readonly finished = new ScoredSet<TriggerKey>();
  readonly executions = new Map<ExecutionId, StoredExecution>();
  readonly ready = new Map<Lane, ScoredSet<ExecutionId>>();
  readonly leases = new ScoredSet<ExecutionId>();
  readonly retries = new ScoredSet<ExecutionId>();
  readonly ended = new ScoredSet<ExecutionId>();
  /** The last claim of each worker that found something, so that it can be repeated. */
  readonly lastClaims = new Map<string, { readonly token: LeaseToken; readonly ids: readonly ExecutionId[] }>();
  readonly #hints: MemoryHints;

  constructor(
    readonly id: ShardId,
    hints: MemoryHints,
  ) {
    this.#hints = hints;
  }

  /** Refuses an epoch below the fence; a larger one becomes the fence, sealed by nobody yet. */
  admit(epoch: Epoch): void {
    if (epoch < this.fence.epoch) throw new FencedError({ shard: this.id, epoch, fence: this.fence.epoch });
    if (epoch > this.fence.epoch) this.fence = { epoch, member: null, sealedAt: null };
  }

  // ── triggers ────────────────────────────────────────────────────────────────────────────────────────────

  trigger(key: TriggerKey): Trigger | undefined {
    return this.jobs.get(jobKeyOfTrigger(key))?.triggers.get(triggerName(key));
  }

  putTrigger(stored: StoredJob, trigger: Trigger): void {
    stored.triggers.set(triggerName(trigger.key), trigger);
    stored.names.set(triggerName(trigger.key), 0);
    this.finished.delete(trigger.key);
    if (trigger.dueAt === undefined) this.due.delete(trigger.key);
    else this.due.set(trigger.key, trigger.dueAt);
  }

  /** A write by a caller; the leader may have read ahead beyond it and has to look again. */
  announceTriggers(): void {
    this.#hints.shardChanged(this.id);
  }

  removeTrigger(key: TriggerKey): boolean {
    this.due.delete(key);
    this.finished.delete(key);
    const stored = this.jobs.get(jobKeyOfTrigger(key));
    stored?.names.delete(triggerName(key));
    return stored?.triggers.delete(triggerName(key)) ?? false;
  }

  // ── executions ──────────────────────────────────────────────────────────────────────────────────────────

  queue(execution: NewExecution, epoch: Epoch, now: EpochMs): Execution {
    const record: Execution = { ...execution, state: 'queued', firedAt: now, attempt: 0, epoch };
    this.#file({ record, token: null, settledBy: null }, 0);
    this.#hints.ready(this.id, record.lane);
    return record;
  }

  /** A record of something that never runs. */
  record(record: Execution, keptUntil: EpochMs): void {
    this.#file({ record, token: null, settledBy: null }, keptUntil);
  }

  start(stored: StoredExecution, patch: Partial<Execution>, lease: { token: LeaseToken; until: EpochMs }): void {
    this.#move(stored, { ...stored.record, ...patch, state: 'running' }, lease.until);
    stored.token = lease.token;
  }

  requeue(stored: StoredExecution, record: Execution): void {
    this.#move(stored, { ...record, state: 'queued' }, 0);
    this.#hints.ready(this.id, record.lane);
  }

  retryLater(stored: StoredExecution, patch: Partial<Execution>, retryAt: EpochMs): void {
    const before = this.retries.firstScore();
    this.#move(stored, { ...stored.record, ...patch, state: 'retrying' }, retryAt);
    if (before === null || retryAt < before) this.#hints.shardChanged(this.id);
  }

  end(
    stored: StoredExecution,
    patch: Partial<Execution> & { readonly state: ExecutionState },
    time: { readonly now: EpochMs; readonly retentionMs: DurationMs },
  ): void {
    this.#move(stored, { ...stored.record, ...patch, finishedAt: time.now }, time.now + time.retentionMs);
    if (stored.record.isAwaited === true) this.#endAwaited(stored.record, time.now);
  }

  /** A failed execution runs again because a person asked for it: the one way out of an end. */
  revive(stored: StoredExecution): Execution {
    const {
      reason: _reason,
      finishedAt: _finishedAt,
      error: _error,
      cancelRequested: _cancel,
      ...rest
    } = stored.record;
    stored.record = { ...rest, state: 'queued', maxAttempts: rest.attempt + 1 };
    this.#file(stored, 0);
    this.#hints.ready(this.id, rest.lane);
    return stored.record;
  }

  removeExecution(stored: StoredExecution): void {
    this.#unfile(stored);
    this.executions.delete(stored.record.id);
  }

  /** How long a record without word from a worker is kept. */
  retentionOf(record: Execution, state: 'failed' | 'cancelled'): DurationMs {
    const retention = this.jobs.get(record.job)?.job.retention ?? defaultRetention;
    return state === 'failed' ? retention.failedMs : retention.succeededMs;
  }

  queuedCount(): number {
    let count = 0;
    for (const lane of this.ready.values()) count += lane.size;
    return count;
  }

  /** The trigger that waits for this end is due its delay after it. */
  #endAwaited({ id, job, trigger: name }: Execution, now: EpochMs): void {
    const stored = this.jobs.get(job);
    const trigger = stored?.triggers.get(name ?? '');
    if (stored === undefined || trigger === undefined || this.finished.score(trigger.key) !== undefined) return;
    const { definition, state } = trigger;
    if (definition.schedule.type !== 'after' || definition.paused === true || state.lastExecutionId !== id) return;
    const watermark = Math.max(state.watermark, now);
    const dueAt = dueAfterCompletion(definition, watermark);
    this.putTrigger(stored, { ...trigger, state: { ...state, watermark }, dueAt });
    this.announceTriggers();
  }

  #move(stored: StoredExecution, record: Execution, until: EpochMs): void {
    assertMove(stored.record.state, record.state);
    this.#unfile(stored);
    stored.record = record;
    this.#file(stored, until);
  }

  /** `until`: end of the lease, of the delay or of the retention, as the state says; nothing for `queued`. */
  #file(stored: StoredExecution, until: EpochMs): void {
    const { id, state, lane, priority, dueAt } = stored.record;
    this.executions.set(id, stored);
    this.ended.delete(id);
    if (state === 'queued') {
      const ready = this.ready.get(lane) ?? new ScoredSet();
      this.ready.set(lane, ready);
      ready.set(id, dueAt - priority * PRIORITY_STEP);
    } else if (state === 'running') this.leases.set(id, until);
    else if (state === 'retrying') this.retries.set(id, until);
    else if (isTerminal(state)) this.ended.set(id, until);
  }

  #unfile(stored: StoredExecution): void {
    const { id, lane } = stored.record;
    const ready = this.ready.get(lane);
    if (ready?.delete(id) === true && ready.size === 0) this.ready.delete(lane);
    this.leases.delete(id);
    this.retries.delete(id);
    this.ended.delete(id);
    stored.token = null;
  }
}
