import type { ShardId } from '../../domain/shard.js';
import type { Lane } from '../../domain/target.js';
import type { Unsubscribe } from '../execution-store.js';
import { readyChannel, wakeChannel } from './keys.js';
import type { RedisPubSub } from './pub-sub.js';
import type { RedisLayout } from './redis-layout.js';

/** Hints that scripts publish. After an interruption every listener is called: what it waited for may have come. */
export class ShardHints {
  readonly #pubSub: RedisPubSub;
  readonly #layout: RedisLayout;

  constructor({ pubSub, layout }: { pubSub: RedisPubSub; layout: RedisLayout }) {
    this.#pubSub = pubSub;
    this.#layout = layout;
  }

  onShardChanged(shard: ShardId, listener: () => void): Promise<Unsubscribe> {
    return this.#pubSub.subscribe(wakeChannel(this.#layout.cluster, shard), () => listener(), listener);
  }

  async onReady(lanes: readonly Lane[], listener: (shard: ShardId, lane: Lane) => void): Promise<Unsubscribe> {
    const { cluster, shardCount } = this.#layout;
    const subscriptions = await Promise.all(
      [...new Set(lanes)].map((lane) =>
        this.#pubSub.subscribe(
          readyChannel(cluster, lane),
          (shard) => listener(Number(shard), lane),
          () => {
            for (let shard = 0; shard < shardCount; shard++) listener(shard, lane);
          },
        ),
      ),
    );
    return async () => {
      await Promise.all(subscriptions.map((unsubscribe) => unsubscribe()));
    };
  }
}
