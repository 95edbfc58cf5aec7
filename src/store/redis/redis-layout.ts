import { InvariantError } from '../../domain/errors.js';
import { shardOfJob, type ShardId } from '../../domain/shard.js';
import { shardKeysOf, type ShardKeys } from './keys.js';

/** Names and number of the shards of one cluster. The number is known once the cluster was opened. */
export class RedisLayout {
  readonly cluster: string;
  #shards: readonly ShardKeys[] = [];

  constructor(cluster: string) {
    this.cluster = cluster;
  }

  get shardCount(): number {
    if (this.#shards.length === 0)
      throw new InvariantError('the number of shards is asked for before the stores were started');
    return this.#shards.length;
  }

  open(shardCount: number): void {
    this.#shards = Array.from({ length: shardCount }, (_, shard) => shardKeysOf(this.cluster, shard));
  }

  keys(shard: ShardId): ShardKeys {
    const keys = this.#shards[shard];
    if (keys === undefined) throw new InvariantError(`there is no shard ${shard}`, { shardCount: this.#shards.length });
    return keys;
  }

  shardOf(job: string): ShardId {
    return shardOfJob(job, this.shardCount);
  }

  /** Null when the number is not that of a shard, as in an id that was made up. */
  find(shard: ShardId): ShardKeys | null {
    return this.#shards[shard] ?? null;
  }

  all(): readonly ShardKeys[] {
    return this.#shards;
  }
}
