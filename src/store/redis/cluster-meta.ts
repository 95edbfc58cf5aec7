import { ConfigError } from '../../domain/errors.js';
import { DEFAULT_SHARD_COUNT, MAX_SHARD_COUNT } from '../../domain/shard.js';
import type { RedisConnection } from './connection.js';
import { clusterMetaKey } from './keys.js';
import { DATA_FORMAT } from './script-manifest.js';

/**
 * Number of shards of the cluster, which is chosen by whoever opens it first and never changes: another number
 * would look for every job in the wrong place.
 * Errors: `ConfigError` for a cluster that has to exist and does not, a number that differs from the stored one, or a data format of another release.
 */
export async function openCluster(
  connection: RedisConnection,
  { cluster, shardCount, mustExist }: { cluster: string; shardCount: number | undefined; mustExist: boolean },
): Promise<number> {
  if (shardCount !== undefined && !(Number.isInteger(shardCount) && shardCount >= 1 && shardCount <= MAX_SHARD_COUNT)) {
    throw new ConfigError(`shardCount must be a whole number from 1 to ${MAX_SHARD_COUNT}, not ${shardCount}`);
  }
  const key = clusterMetaKey(cluster);
  if (mustExist && (await connection.send('EXISTS', [key])) === 0) {
    throw new ConfigError(`there is no cluster "${cluster}" in ${connection.address}`, { cluster });
  }
  await connection.send('HSETNX', [key, 'format', DATA_FORMAT]);
  await connection.send('HSETNX', [key, 'shards', shardCount ?? DEFAULT_SHARD_COUNT]);
  const [format, shards] = (await connection.send('HMGET', [key, 'format', 'shards'])) as [string, string];
  if (Number(format) !== DATA_FORMAT) {
    throw new ConfigError(
      `cluster "${cluster}" is stored in data format ${format}, and this release reads format ${DATA_FORMAT}: run the release that wrote it, or choose another cluster name`,
      { format: Number(format), supported: DATA_FORMAT },
    );
  }
  if (shardCount !== undefined && Number(shards) !== shardCount) {
    throw new ConfigError(
      `cluster "${cluster}" was created with ${shards} shards and cannot be opened with ${shardCount}: leave shardCount out or set it to ${shards}`,
      { stored: Number(shards), given: shardCount },
    );
  }
  return Number(shards);
}
