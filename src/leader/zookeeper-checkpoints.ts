import { CoordinationError } from '../domain/errors.js';
import type { ShardId } from '../domain/shard.js';
import type { KnownProgress } from '../domain/shard-progress.js';
import { decodeZnode, encodeZnode, ignoring } from './ephemeral-claim.js';
import type { ShardCheckpoints } from './shard-checkpoints.js';
import type { ZnodePaths } from './znode-paths.js';
import type { ZooKeeperClient } from './zookeeper-client.js';

interface Deps {
  /** Undefined while there is no connection. */
  readonly client: () => ZooKeeperClient | undefined;
}

/** One znode for each shard, written only over the version that this member has seen: an old leader cannot spoil what a new one wrote. */
export class ZooKeeperCheckpoints implements ShardCheckpoints {
  readonly #deps: Deps;
  readonly #paths: ZnodePaths;
  readonly #versions = new Map<ShardId, number>();

  constructor(deps: Deps, { paths }: { readonly paths: ZnodePaths }) {
    this.#deps = deps;
    this.#paths = paths;
  }

  async read(shard: ShardId): Promise<KnownProgress | null> {
    const znode = await this.#client(shard).read(this.#paths.checkpoint(shard));
    if (znode === undefined) {
      this.#versions.delete(shard);
      return null;
    }
    this.#versions.set(shard, znode.version);
    return parse(decodeZnode(znode.data));
  }

  async write(shard: ShardId, known: KnownProgress | null): Promise<boolean> {
    const client = this.#client(shard);
    const path = this.#paths.checkpoint(shard);
    const version = this.#versions.get(shard);
    // Until the answer is here, it is not known which version is there.
    this.#versions.delete(shard);
    const data = encodeZnode(known ?? {});
    if (version === undefined) {
      const isCreated = await ignoring('CJ_ZK_NODE_EXISTS', client.createPersistent(path, data));
      if (isCreated) this.#versions.set(shard, 0);
      else await this.read(shard);
      return isCreated;
    }
    const isWritten = await ignoring('CJ_ZK_BAD_VERSION', client.write(path, data, version));
    if (isWritten) this.#versions.set(shard, version + 1);
    return isWritten;
  }

  #client(shard: ShardId): ZooKeeperClient {
    const client = this.#deps.client();
    if (client !== undefined) return client;
    throw new CoordinationError('CJ_ZK_DISCONNECTED', `no connection for the checkpoint of shard ${shard}`);
  }
}

/** Null for anything else: znodes can be written by hand. */
function parse(data: Readonly<Record<string, unknown>> | undefined): KnownProgress | null {
  const { history, epoch, commits, decidedThrough, lostThrough } = data ?? {};
  if (typeof history !== 'string' || typeof epoch !== 'number' || typeof commits !== 'number') return null;
  return {
    history,
    epoch,
    commits,
    decidedThrough: Number(decidedThrough ?? 0),
    lostThrough: Number(lostThrough ?? 0),
  };
}
