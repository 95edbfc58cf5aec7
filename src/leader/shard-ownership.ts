import { CoordinationError } from '../domain/errors.js';
import { epochOf, type Epoch, type MemberId, type ShardId } from '../domain/shard.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { claimEphemeral, ignoring, releaseEphemeral, type Claim, type Claimant } from './ephemeral-claim.js';
import type { ZnodePaths } from './znode-paths.js';
import type { ZooKeeperClient } from './zookeeper-client.js';

export interface ShardOwnershipDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Epoch of the last leadership that the store has seen; 0 = none. */
  readonly readFence: (shard: ShardId) => Promise<number>;
}

export interface ShardOwnershipConfig {
  readonly shard: ShardId;
  readonly paths: ZnodePaths;
  readonly claimant: Claimant;
}

const NOTHING = Buffer.alloc(0);

/** The owner znode and the epoch znode of one shard, as one member sees and uses them. Holds no term. */
export class ShardOwnership {
  readonly #deps: ShardOwnershipDeps;
  readonly #config: ShardOwnershipConfig;
  /** A creation was sent in this session: the znode may be ours, whatever the answer was. */
  #mayHold = false;
  #blocked: { readonly since: number; readonly holder: Claimant | undefined; isReported: boolean } | undefined;

  constructor(deps: ShardOwnershipDeps, config: ShardOwnershipConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  get shard(): ShardId {
    return this.#config.shard;
  }

  /** Tries to hold the owner znode; see `claimEphemeral`. */
  async claim(client: ZooKeeperClient): Promise<Claim['result']> {
    const { paths, shard, claimant } = this.#config;
    this.#mayHold = true;
    const claim = await this.#withShardZnode(client, () => claimEphemeral(client, paths.owner(shard), claimant));
    if (claim.result === 'foreign') this.#noteHolder(claim.claimant);
    else this.#blocked = undefined;
    return claim.result;
  }

  /** Deletes the owner znode if it may be ours. */
  async release(client: ZooKeeperClient): Promise<void> {
    this.#blocked = undefined;
    if (!this.#mayHold) return;
    await releaseEphemeral(client, this.#config.paths.owner(this.shard));
    this.#mayHold = false;
  }

  /** The session is over, and what was created in it is no longer ours. */
  forget(): void {
    this.#mayHold = false;
  }

  /**
   * Raises the epoch above everything that ZooKeeper and the store have seen, and returns it. The write is
   * conditional: of two that raise at once, one fails with `CJ_ZK_BAD_VERSION`. That it was done in the session that
   * owns the owner znode proves that the session, and with it the ownership, was alive then. A lost answer
   * costs a number, nothing else. Wiping ZooKeeper or the store alone does not turn the epoch back.
   */
  async raiseEpoch(client: ZooKeeperClient): Promise<Epoch> {
    const path = this.#config.paths.epoch(this.shard);
    const fence = await this.#deps.readFence(this.shard);
    let znode = await client.read(path);
    if (znode === undefined) {
      await ignoring('CJ_ZK_NODE_EXISTS', client.createPersistent(path, Buffer.from('0')));
      znode = await client.read(path);
    }
    const epoch = Math.max(this.#parseEpoch(znode?.data ?? NOTHING), fence) + 1;
    await client.write(path, Buffer.from(String(epoch)), znode?.version ?? 0);
    return epochOf(epoch);
  }

  /**
   * Has another process held the shard for longer than `limitMs`, although it is due to this member? Says so in
   * the log, once: its session should have ended by now, or it is of another opinion about who is a member.
   */
  isBlocked(limitMs: number, members: readonly MemberId[]): boolean {
    const blocked = this.#blocked;
    if (blocked === undefined || this.#deps.clock.monotonicNow() - blocked.since < limitMs) return false;
    if (!blocked.isReported) {
      blocked.isReported = true;
      const holder = blocked.holder?.member;
      const facts = { holder, isHolderAlive: holder !== undefined && members.includes(holder) };
      this.#deps.logger.error('owner-znode-stale', { path: this.#config.paths.owner(this.shard), ...facts });
    }
    return true;
  }

  #noteHolder(holder: Claimant | undefined): void {
    if (this.#blocked !== undefined && this.#blocked.holder?.incarnation === holder?.incarnation) return;
    this.#blocked = { since: this.#deps.clock.monotonicNow(), holder, isReported: false };
  }

  #parseEpoch(data: Buffer): number {
    const text = data.toString('utf8');
    if (/^\d{1,15}$/.test(text)) return Number(text);
    if (text !== '') this.#deps.logger.error('epoch-znode-unreadable', { shard: this.shard, text: text.slice(0, 40) });
    return 0;
  }

  async #withShardZnode<T>(client: ZooKeeperClient, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CoordinationError) || error.code !== 'CJ_ZK_NO_NODE') throw error;
    }
    await ignoring('CJ_ZK_NODE_EXISTS', client.createPersistent(this.#config.paths.shard(this.shard), NOTHING));
    return await call();
  }
}
