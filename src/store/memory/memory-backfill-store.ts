import {
  backfillKeyOf,
  type Backfill,
  type BackfillKey,
  type BackfillReason,
  type BackfillRequest,
  type BackfillStep,
} from '../../domain/backfill.js';
import { InvariantError } from '../../domain/errors.js';
import { isTerminal } from '../../domain/execution-state.js';
import type { JobKey } from '../../domain/job.js';
import { shardOfJob, type Epoch, type ShardId } from '../../domain/shard.js';
import type { Clock } from '../../runtime/clock.js';
import { noJob, tooManyBackfills } from '../backfill-refusals.js';
import { MAX_BACKFILLS, type BackfillOutcome, type BackfillStore } from '../backfill-store.js';
import type { MemoryShard } from './memory-shard.js';

export class MemoryBackfillStore implements BackfillStore {
  readonly #shards: readonly MemoryShard[];
  readonly #clock: Clock;
  readonly #stored = new Map<ShardId, Map<BackfillKey, Backfill>>();

  constructor({ shards, clock }: { shards: readonly MemoryShard[]; clock: Clock }) {
    this.#shards = shards;
    this.#clock = clock;
  }

  async putBackfill(request: BackfillRequest): Promise<Backfill> {
    const { job } = request;
    const id = shardOfJob(job, this.#shards.length);
    const shard = this.#shard(id);
    if (!shard.jobs.has(job)) throw noJob(job);
    const stored = this.#of(id);
    const key = backfillKeyOf(request);
    const existing = stored.get(key);
    if (existing !== undefined) return existing;
    if (stored.size >= MAX_BACKFILLS) throw tooManyBackfills();
    const progress = { state: 'running', cursor: request.from - 1, queuedCount: 0, skippedCount: 0 } as const;
    const backfill: Backfill = { ...structuredClone(request), ...progress };
    stored.set(key, backfill);
    shard.announceTriggers();
    return backfill;
  }

  async getBackfill(job: JobKey, id: string): Promise<Backfill | null> {
    return this.#ofJob(job).get(backfillKeyOf({ job, id })) ?? null;
  }

  async listBackfills(job: JobKey): Promise<readonly Backfill[]> {
    return oldestFirst([...this.#ofJob(job).values()].filter((backfill) => backfill.job === job));
  }

  async cancelBackfill(job: JobKey, id: string): Promise<Backfill | null> {
    this.#end(this.#ofJob(job), backfillKeyOf({ job, id }), 'cancelled');
    return this.getBackfill(job, id);
  }

  async readBackfills(shard: ShardId): Promise<readonly Backfill[]> {
    return oldestFirst([...this.#of(shard).values()]);
  }

  async stepBackfill(shardId: ShardId, epoch: Epoch, step: BackfillStep): Promise<BackfillOutcome> {
    const shard = this.#admitted(shardId, epoch);
    const backfill = this.#of(shardId).get(step.backfill);
    if (backfill?.state !== 'running' || backfill.cursor !== step.expectedCursor) return 'stale';
    const now = this.#clock.now();
    let { queuedCount, skippedCount, lastExecutionId } = backfill;
    const last = lastExecutionId === undefined ? undefined : shard.executions.get(lastExecutionId);
    const isBusy = step.overlap !== 'allow' && last !== undefined && !isTerminal(last.record.state);
    if (isBusy && step.overlap === 'bufferAll') return 'busy';
    for (const fire of step.fires) {
      if (shard.executions.has(fire.id)) continue;
      if (isBusy) {
        const ended = { state: 'skipped', reason: 'overlap', firedAt: now, finishedAt: now, attempt: 0 } as const;
        shard.record({ ...fire, ...ended, epoch }, now + step.retentionMs);
        skippedCount += 1;
      } else {
        lastExecutionId = shard.queue(fire, epoch, now).id;
        queuedCount += 1;
      }
    }
    this.#of(shardId).set(step.backfill, {
      ...backfill,
      ...{ cursor: step.cursor, queuedCount, skippedCount },
      ...(lastExecutionId === undefined ? {} : { lastExecutionId }),
      ...(step.isLast ? { state: 'done', finishedAt: now } : {}),
    });
    return 'stepped';
  }

  async endBackfill(shard: ShardId, epoch: Epoch, backfill: BackfillKey, reason: BackfillReason): Promise<void> {
    this.#admitted(shard, epoch);
    this.#end(this.#of(shard), backfill, reason);
  }

  async dropBackfills(shard: ShardId, epoch: Epoch, backfills: readonly BackfillKey[]): Promise<void> {
    this.#admitted(shard, epoch);
    for (const key of backfills) this.#of(shard).delete(key);
  }

  #end(stored: Map<BackfillKey, Backfill>, key: BackfillKey, reason: BackfillReason): void {
    const backfill = stored.get(key);
    if (backfill?.state !== 'running') return;
    stored.set(key, { ...backfill, state: 'cancelled', reason, finishedAt: this.#clock.now() });
  }

  #ofJob(job: JobKey): Map<BackfillKey, Backfill> {
    return this.#of(shardOfJob(job, this.#shards.length));
  }

  #of(shard: ShardId): Map<BackfillKey, Backfill> {
    const stored = this.#stored.get(shard) ?? new Map<BackfillKey, Backfill>();
    this.#stored.set(shard, stored);
    return stored;
  }

  #shard(id: ShardId): MemoryShard {
    const shard = this.#shards[id];
    if (shard === undefined) throw new InvariantError(`there is no shard ${id}`);
    return shard;
  }

  #admitted(id: ShardId, epoch: Epoch): MemoryShard {
    const shard = this.#shard(id);
    shard.admit(epoch);
    return shard;
  }
}

function oldestFirst(backfills: Backfill[]): Backfill[] {
  return backfills.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}
