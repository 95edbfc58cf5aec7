import { FencedError } from '../../domain/errors.js';
import type { Epoch, ShardId } from '../../domain/shard.js';
import type { RollbackRecord, ShardProgress } from '../../domain/shard-progress.js';
import type { MarkResult, ProgressStore } from '../progress-store.js';
import type { MemoryShard } from './memory-shard.js';

const HISTORY = 'memory';

/** What is in memory is lost as a whole, with the process that knows of it: nothing is ever behind by itself. */
export class MemoryProgressStore implements ProgressStore {
  readonly interruptionCount = 0;
  readonly #shards: readonly MemoryShard[];
  readonly #rollbacks = new Map<ShardId, RollbackRecord>();

  constructor({ shards }: { shards: readonly MemoryShard[] }) {
    this.#shards = shards;
  }

  async readProgress(shard: ShardId): Promise<ShardProgress> {
    return progressOf(this.#shard(shard));
  }

  async markProgress(
    id: ShardId,
    epoch: Epoch,
    { history, commits }: { readonly history: string | null; readonly commits: number },
  ): Promise<MarkResult> {
    const shard = this.#shard(id);
    const found = progressOf(shard);
    if (epoch < found.epoch) throw new FencedError({ shard: id, epoch, fence: found.epoch });
    const isOther = history !== null && history !== found.history;
    if (found.epoch < epoch || found.commits < commits || isOther) return { outcome: 'behind', found };
    shard.hasHistory = true;
    shard.commits += 1;
    return { outcome: 'marked', commits: shard.commits, history: HISTORY };
  }

  async recordRollback(shard: ShardId, epoch: Epoch, rollback: RollbackRecord): Promise<void> {
    this.#shard(shard).admit(epoch);
    this.#rollbacks.set(shard, rollback);
  }

  async readRollback(shard: ShardId): Promise<RollbackRecord | null> {
    return this.#rollbacks.get(shard) ?? null;
  }

  #shard(id: ShardId): MemoryShard {
    return this.#shards[id] as MemoryShard;
  }
}

function progressOf({ fence, commits, hasHistory }: MemoryShard): ShardProgress {
  return { epoch: fence.epoch, commits, history: hasHistory ? HISTORY : null };
}
