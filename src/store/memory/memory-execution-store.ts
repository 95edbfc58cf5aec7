import { ConflictError, FencedError, InvariantError } from '../../domain/errors.js';
import { isTerminal } from '../../domain/execution-state.js';
import { parseExecutionId, type Execution, type ExecutionId, type NewExecution } from '../../domain/execution.js';
import { splitJobKey, type Job, type JobKey } from '../../domain/job.js';
import { epochOf, type Epoch, type MemberId, type ShardId } from '../../domain/shard.js';
import type { Lane } from '../../domain/target.js';
import type { DurationMs, EpochMs } from '../../domain/time/instant.js';
import { jobKeyOfTrigger, type TriggerKey } from '../../domain/trigger.js';
import type { Clock } from '../../runtime/clock.js';
import type {
  ClaimedExecution,
  ClaimRequest,
  DueBatch,
  ExecutionFilter,
  ExecutionStore,
  ExtendOutcome,
  FenceState,
  FireDecision,
  FireResult,
  LeaseRef,
  SettleOutcome,
  Settlement,
  ShardCounts,
  ShardWakeTimes,
  Unsubscribe,
} from '../execution-store.js';
import type { Page } from '../job-store.js';
import { applyDecision } from './memory-firing.js';
import type { MemoryHints } from './memory-hints.js';
import { rescue, settle } from './memory-settlement.js';
import type { MemoryShard, StoredExecution } from './memory-shard.js';

export class MemoryExecutionStore implements ExecutionStore {
  readonly #shards: readonly MemoryShard[];
  readonly #clock: Clock;
  readonly #hints: MemoryHints;

  constructor({ shards, clock, hints }: { shards: readonly MemoryShard[]; clock: Clock; hints: MemoryHints }) {
    this.#shards = shards;
    this.#clock = clock;
    this.#hints = hints;
  }

  get shardCount(): number {
    return this.#shards.length;
  }

  async serverTime(): Promise<EpochMs> {
    return this.#clock.now();
  }

  // ── leadership ──────────────────────────────────────────────────────────────────────────────────────────

  async readFence(shard: ShardId): Promise<FenceState> {
    return this.#shard(shard).fence;
  }

  async sealFence(id: ShardId, epoch: Epoch, member: MemberId): Promise<void> {
    const shard = this.#shard(id);
    const { fence } = shard;
    if (epoch < fence.epoch || (epoch === fence.epoch && fence.member !== null && fence.member !== member)) {
      throw new FencedError({ shard: id, epoch, fence: fence.epoch });
    }
    if (epoch === fence.epoch && fence.member === member) return;
    shard.fence = { epoch, member, sealedAt: this.#clock.now() };
  }

  async releaseFence(id: ShardId, epoch: Epoch): Promise<void> {
    const shard = this.#admitted(id, epoch);
    shard.fence = { ...shard.fence, member: null };
  }

  async raiseFence(id: ShardId, member: MemberId, above = epochOf(0)): Promise<Epoch> {
    const shard = this.#shard(id);
    const epoch = epochOf(Math.max(shard.fence.epoch, above) + 1);
    shard.fence = { epoch, member, sealedAt: this.#clock.now() };
    return epoch;
  }

  // ── firing ──────────────────────────────────────────────────────────────────────────────────────────────

  async readDue(id: ShardId, until: EpochMs, limit: number, from: EpochMs = -Infinity): Promise<DueBatch> {
    const shard = this.#shard(id);
    const entries = shard.due.after({ score: from, member: '' as TriggerKey }, limit + 1);
    const isTaken = (index: number, dueAt: EpochMs): boolean => index < limit && dueAt <= until;
    const triggers = entries
      .filter((entry, index) => isTaken(index, entry.score))
      .flatMap((entry) => shard.trigger(entry.member) ?? []);
    const jobs = new Map<JobKey, Job>();
    for (const trigger of triggers) {
      const key = jobKeyOfTrigger(trigger.key);
      const stored = shard.jobs.get(key);
      if (stored !== undefined) jobs.set(key, stored.job);
    }
    return { triggers, jobs, followingDueAt: entries[triggers.length]?.score ?? null };
  }

  async fire(id: ShardId, epoch: Epoch, decisions: readonly FireDecision[]): Promise<readonly FireResult[]> {
    const shard = this.#admitted(id, epoch);
    const now = this.#clock.now();
    const results = decisions.map((decision) => applyDecision(shard, decision, { epoch, now }));
    if (results.some(({ outcome }) => outcome === 'fired')) shard.commits += 1;
    return results;
  }

  async dropOrphans(id: ShardId, epoch: Epoch, triggers: readonly TriggerKey[]): Promise<void> {
    const shard = this.#admitted(id, epoch);
    for (const key of triggers) if (!shard.jobs.has(jobKeyOfTrigger(key))) shard.removeTrigger(key);
  }

  async wakeTimes(id: ShardId): Promise<ShardWakeTimes> {
    const shard = this.#shard(id);
    const expiries = [shard.ended.firstScore(), shard.finished.firstScore()].filter((at) => at !== null);
    return {
      dueAt: shard.due.firstScore(),
      retryAt: shard.retries.firstScore(),
      leaseAt: shard.leases.firstScore(),
      expiryAt: expiries.length === 0 ? null : Math.min(...expiries),
    };
  }

  async requeueRetries(id: ShardId, epoch: Epoch, limit: number): Promise<number> {
    const shard = this.#admitted(id, epoch);
    const found = this.#stored(shard, shard.retries.first(limit, this.#clock.now()));
    for (const stored of found) shard.requeue(stored, stored.record);
    return found.length;
  }

  async rescueExpired(
    id: ShardId,
    epoch: Epoch,
    limit: number,
  ): Promise<{ readonly requeued: number; readonly failed: number; readonly cancelled: number }> {
    const shard = this.#admitted(id, epoch);
    const now = this.#clock.now();
    const counts = { requeued: 0, failed: 0, cancelled: 0 };
    for (const stored of this.#stored(shard, shard.leases.first(limit, now))) counts[rescue(shard, stored, now)]++;
    return counts;
  }

  async deleteExpired(id: ShardId, epoch: Epoch, limit: number): Promise<number> {
    const shard = this.#admitted(id, epoch);
    const now = this.#clock.now();
    const executions = this.#stored(shard, shard.ended.first(limit, now));
    for (const stored of executions) shard.removeExecution(stored);
    const triggers = shard.finished.first(limit - executions.length, now);
    for (const { member } of triggers) shard.removeTrigger(member);
    return executions.length + triggers.length;
  }

  async onShardChanged(shard: ShardId, listener: () => void): Promise<Unsubscribe> {
    return this.#hints.onShardChanged(shard, listener);
  }

  // ── work ────────────────────────────────────────────────────────────────────────────────────────────────

  async claim(id: ShardId, request: ClaimRequest): Promise<readonly ClaimedExecution[]> {
    const shard = this.#shard(id);
    const { token, worker, leaseMs } = request;
    const last = shard.lastClaims.get(worker);
    if (last?.token === token) {
      const held = last.ids.flatMap((member) => shard.executions.get(member) ?? []);
      return held.filter((stored) => stored.token === token).map(({ record }) => ({ execution: record, token }));
    }
    const now = this.#clock.now();
    const claimed = this.#stored(shard, firstReady(shard, request));
    if (claimed.length > 0) shard.lastClaims.set(worker, { token, ids: claimed.map(({ record }) => record.id) });
    return claimed.map((stored) => {
      const patch = { attempt: stored.record.attempt + 1, startedAt: now, worker };
      shard.start(stored, patch, { token, until: now + leaseMs });
      return { execution: stored.record, token };
    });
  }

  async extend(id: ShardId, leases: readonly LeaseRef[], leaseMs: DurationMs): Promise<readonly ExtendOutcome[]> {
    const shard = this.#shard(id);
    const until = this.#clock.now() + leaseMs;
    return leases.map((lease) => {
      const stored = shard.executions.get(lease.id);
      if (stored === undefined || stored.token !== lease.token) return 'lost';
      shard.leases.set(lease.id, until);
      return stored.record.cancelRequested === true ? 'cancelling' : 'extended';
    });
  }

  async settle(
    id: ShardId,
    items: readonly (LeaseRef & { readonly settlement: Settlement })[],
  ): Promise<readonly SettleOutcome[]> {
    const shard = this.#shard(id);
    const now = this.#clock.now();
    return items.map(({ id, token, settlement }) =>
      settle(shard, { stored: shard.executions.get(id), token }, settlement, now),
    );
  }

  async onReady(lanes: readonly Lane[], listener: (shard: ShardId, lane: Lane) => void): Promise<Unsubscribe> {
    return this.#hints.onReady(lanes, listener);
  }

  // ── callers ─────────────────────────────────────────────────────────────────────────────────────────────

  async run(execution: NewExecution): Promise<Execution> {
    const shard = this.#shardOf(execution.id);
    if (shard === undefined) throw new InvariantError(`execution ${execution.id} belongs to no shard`);
    const existing = shard.executions.get(execution.id);
    return existing?.record ?? shard.queue(structuredClone(execution), epochOf(0), this.#clock.now());
  }

  async getExecution(id: ExecutionId): Promise<Execution | null> {
    return this.#find(id)?.stored.record ?? null;
  }

  async listExecutions(filter: ExecutionFilter): Promise<Page<Execution>> {
    const { cursor, limit } = filter;
    const found = this.#shards
      .flatMap((shard) => [...shard.executions.values()].map((stored) => stored.record))
      .filter((record) => matches(record, filter) && (cursor === undefined || listingKey(record) < cursor))
      .sort((a, b) => (listingKey(a) > listingKey(b) ? -1 : 1));
    const items = found.slice(0, limit);
    const last = items.at(-1);
    return found.length > limit && last !== undefined ? { items, nextCursor: listingKey(last) } : { items };
  }

  async cancelExecution(id: ExecutionId, retentionMs: DurationMs): Promise<Execution | null> {
    const found = this.#find(id);
    if (found === null) return null;
    const { shard, stored } = found;
    const { state } = stored.record;
    if (state === 'running') stored.record = { ...stored.record, cancelRequested: true };
    else if (!isTerminal(state)) {
      shard.end(stored, { state: 'cancelled', reason: 'cancelled' }, { now: this.#clock.now(), retentionMs });
    }
    return stored.record;
  }

  async retryExecution(id: ExecutionId): Promise<Execution | null> {
    const found = this.#find(id);
    if (found === null) return null;
    const { state, attempt, maxAttempts, worker, error } = found.stored.record;
    if (state === 'failed') return found.shard.revive(found.stored);
    // Queued with one further attempt, by a worker that had it, and without an error: the answer was lost.
    const isQueuedOnceMore = state === 'queued' && worker !== undefined && error === undefined;
    if (isQueuedOnceMore && maxAttempts === attempt + 1) return found.stored.record;
    throw new ConflictError('CJ_STATE_CONFLICT', `execution ${id} is ${state}, not failed`, { executionId: id, state });
  }

  async countShard(id: ShardId): Promise<ShardCounts> {
    const shard = this.#shard(id);
    let triggers = 0;
    for (const stored of shard.jobs.values()) triggers += stored.triggers.size;
    return {
      triggers,
      executions: shard.executions.size,
      queued: shard.queuedCount(),
      running: shard.leases.size,
      retrying: shard.retries.size,
    };
  }

  #shard(id: ShardId): MemoryShard {
    const shard = this.#shards[id];
    if (shard === undefined) throw new InvariantError(`there is no shard ${id}`, { shardCount: this.#shards.length });
    return shard;
  }

  #admitted(id: ShardId, epoch: Epoch): MemoryShard {
    const shard = this.#shard(id);
    shard.admit(epoch);
    return shard;
  }

  #shardOf(id: ExecutionId): MemoryShard | undefined {
    const shard = parseExecutionId(id)?.shard;
    return shard === undefined ? undefined : this.#shards[shard];
  }

  #find(id: ExecutionId): { shard: MemoryShard; stored: StoredExecution } | null {
    const shard = this.#shardOf(id);
    const stored = shard?.executions.get(id);
    return shard === undefined || stored === undefined ? null : { shard, stored };
  }

  #stored(shard: MemoryShard, entries: readonly { readonly member: ExecutionId }[]): StoredExecution[] {
    return entries.flatMap((entry) => shard.executions.get(entry.member) ?? []);
  }
}

function firstReady(shard: MemoryShard, { lanes, limit }: ClaimRequest): { score: number; member: ExecutionId }[] {
  return lanes
    .flatMap((lane) => shard.ready.get(lane)?.first(limit) ?? [])
    .sort((a, b) => a.score - b.score || (a.member < b.member ? -1 : 1))
    .slice(0, limit);
}

function matches(record: Execution, filter: ExecutionFilter): boolean {
  const { namespace, name } = splitJobKey(record.job);
  return (
    namespace === filter.namespace &&
    (filter.job === undefined || name === filter.job) &&
    (filter.state === undefined || record.state === filter.state) &&
    (filter.since === undefined || record.nominalAt >= filter.since)
  );
}

/** Orders by nominal time across shards; two records never share one. */
function listingKey(record: Execution): string {
  return `${String(record.nominalAt).padStart(15, '0')}/${record.id}`;
}
