import type { ShardId } from '../../domain/shard.js';
import type { Lane } from '../../domain/target.js';
import type { Unsubscribe } from '../execution-store.js';

/** Wakes who waits for a shard or a lane. Listeners run after the write that woke them, never inside it. */
export class MemoryHints {
  readonly #shards = new Set<{ readonly shard: ShardId; readonly listener: () => void }>();
  readonly #lanes = new Set<{
    readonly lanes: ReadonlySet<Lane>;
    readonly listener: (shard: ShardId, lane: Lane) => void;
  }>();

  onShardChanged(shard: ShardId, listener: () => void): Unsubscribe {
    const entry = { shard, listener };
    this.#shards.add(entry);
    return async () => void this.#shards.delete(entry);
  }

  onReady(lanes: readonly Lane[], listener: (shard: ShardId, lane: Lane) => void): Unsubscribe {
    const entry = { lanes: new Set(lanes), listener };
    this.#lanes.add(entry);
    return async () => void this.#lanes.delete(entry);
  }

  shardChanged(shard: ShardId): void {
    for (const entry of this.#shards) {
      if (entry.shard !== shard) continue;
      queueMicrotask(() => {
        if (this.#shards.has(entry)) entry.listener();
      });
    }
  }

  ready(shard: ShardId, lane: Lane): void {
    for (const entry of this.#lanes) {
      if (!entry.lanes.has(lane)) continue;
      queueMicrotask(() => {
        if (this.#lanes.has(entry)) entry.listener(shard, lane);
      });
    }
  }
}
