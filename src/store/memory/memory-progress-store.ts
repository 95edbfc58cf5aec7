import type { Epoch, ShardId } from '../../domain/shard.js';
import type { RollbackRecord, ShardProgress } from '../../domain/shard-progress.js';
import type { MarkResult, ProgressStore } from '../progress-store.js';
import type { MemoryShard } from './memory-shard.js';

/** What is in memory is lost as a whole, with the process that knows of it: nothing is ever behind. */
export class MemoryProgressStore implements ProgressStore {
  readonly interruptionCount = 0;
  readonly #shards: readonly MemoryShard[];
  readonly #commits = new Map<ShardId, number>();
  readonly #rollbacks = new Map<ShardId, RollbackRecord>();

  constructor({ shards }: { shards: readonly MemoryShard[] }) {
    this.#shards = shards;
  }

  async readProgress(shard: ShardId): Promise<ShardProgress> {
    const commits = this.#commits.get(shard) ?? 0;
    return { epoch: this.#shards[shard]?.fence.epoch ?? 0, commits, history: commits === 0 ? null : 'memory' };
  }

  async markProgress(shard: ShardId, epoch: Epoch): Promise<MarkResult> {
    this.#shards[shard]?.admit(epoch);
    const commits = (this.#commits.get(shard) ?? 0) + 1;
    this.#commits.set(shard, commits);
    return { outcome: 'marked', commits, history: 'memory' };
  }

  async recordRollback(shard: ShardId, epoch: Epoch, rollback: RollbackRecord): Promise<void> {
    this.#shards[shard]?.admit(epoch);
    this.#rollbacks.set(shard, rollback);
  }

  async readRollback(shard: ShardId): Promise<RollbackRecord | null> {
    return this.#rollbacks.get(shard) ?? null;
  }
}
