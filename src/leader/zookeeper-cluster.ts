import { ConfigError } from '../domain/errors.js';
import { decodeZnode, encodeZnode, ignoring } from './ephemeral-claim.js';
import type { ZnodePaths } from './znode-paths.js';
import type { ZooKeeperClient } from './zookeeper-client.js';

const NOTHING = Buffer.alloc(0);

/**
 * Creates the persistent znodes that all members share, as far as they are missing. The number of shards is
 * written by the first member ever; it decides in which shard every job lives. Errors: `ConfigError` for
 * another number, `CoordinationError`.
 */
export async function prepareCluster(client: ZooKeeperClient, paths: ZnodePaths, shardCount: number): Promise<void> {
  await ignoring('CJ_ZK_NODE_EXISTS', client.createOpen(paths.root, NOTHING));
  for (const path of [paths.cluster, paths.schedulers, paths.heartbeat]) {
    await ignoring('CJ_ZK_NODE_EXISTS', client.createPersistent(path, NOTHING));
  }
  await ignoring('CJ_ZK_NODE_EXISTS', client.createPersistent(paths.shards, encodeZnode({ shardCount })));
  const shards = await client.read(paths.shards);
  const stored = decodeZnode(shards?.data ?? NOTHING)?.['shardCount'];
  if (stored !== shardCount) {
    throw new ConfigError(`the cluster was created with ${String(stored)} shards, this member wants ${shardCount}`, {
      path: paths.shards,
      stored,
      shardCount,
    });
  }
}
