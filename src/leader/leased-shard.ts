import type { Epoch, ShardId } from '../domain/shard.js';
import type { CancelTimer, Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import { Service } from '../runtime/service.js';
import type { GrantedLease, LeaseGranter } from './lease-granter.js';
import type { TermRegister } from './term-register.js';

export interface LeasedShardDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leases: LeaseGranter;
  readonly terms: TermRegister;
  readonly raiseEpoch: (shard: ShardId) => Promise<Epoch>;
  /** Is the shard this member's by the assignment? */
  readonly isDue: () => boolean;
}

export interface LeasedShardConfig {
  readonly shard: ShardId;
  readonly leaseName: string;
  readonly leaseMs: number;
}

/**
 * One member's part in the leadership of one shard by lease: takes it when due, extends it at a third of its
 * length, gives it up otherwise. A lease is trusted for two thirds of its length from the sending of the
 * request that granted or extended it, by the monotonic clock; then the term ends, whatever the servers say.
 */
export class LeasedShard extends Service {
  readonly name = 'leased-shard';
  readonly #deps: LeasedShardDeps;
  readonly #config: LeasedShardConfig;
  readonly #loop: PeriodicLoop;
  #lease: GrantedLease | undefined;
  #trustedUntil = Number.NEGATIVE_INFINITY;
  #cancelTrust: CancelTimer = () => undefined;

  constructor(deps: LeasedShardDeps, config: LeasedShardConfig) {
    super();
    this.#deps = deps;
    this.#config = config;
    this.#loop = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger.child({ shard: config.shard }), runOnce: () => this.#pass() },
      { name: 'lease', intervalMs: config.leaseMs / 3 },
    );
  }

  /** The assignment may have changed, or a term was given up. */
  wake(): void {
    this.#loop.wake();
  }

  protected onStart(): Promise<void> {
    return this.#loop.start();
  }

  /** The term has been ended before; the lease is given back so that another need not wait for its end. */
  protected async onStop(): Promise<void> {
    await this.#loop.stop();
    await this.#giveUp();
  }

  /** Returns when to look again at the latest. */
  async #pass(): Promise<number | void> {
    const { terms, isDue } = this.#deps;
    const { shard, leaseMs } = this.#config;
    if (!isDue()) return await this.#giveUp();
    if (this.#lease !== undefined) await this.#extend(this.#lease);
    else await this.#acquire();
    if (this.#lease === undefined) return leaseMs / 10;
    if (terms.current.has(shard)) return;
    const epoch = await this.#deps.raiseEpoch(shard);
    if (this.#isTrusted() && isDue()) terms.open(shard, epoch, () => this.#isTrusted());
  }

  async #acquire(): Promise<void> {
    const { leaseName, leaseMs } = this.#config;
    const sentAt = this.#deps.clock.monotonicNow();
    this.#lease = await this.#deps.leases.acquire(leaseName, leaseMs);
    if (this.#lease !== undefined) this.#trust(sentAt);
  }

  async #extend(lease: GrantedLease): Promise<void> {
    const sentAt = this.#deps.clock.monotonicNow();
    if (await lease.extend(this.#config.leaseMs)) this.#trust(sentAt);
    else this.#lose();
  }

  async #giveUp(): Promise<void> {
    this.#deps.terms.end(this.#config.shard, 'resigned');
    this.#cancelTrust();
    this.#trustedUntil = Number.NEGATIVE_INFINITY;
    const lease = this.#lease;
    this.#lease = undefined;
    await lease?.release();
  }

  #lose(): void {
    this.#lease = undefined;
    this.#trustedUntil = Number.NEGATIVE_INFINITY;
    this.#cancelTrust();
    this.#deps.terms.end(this.#config.shard, 'lost');
    this.#loop.wake();
  }

  #isTrusted(): boolean {
    return this.#deps.clock.monotonicNow() < this.#trustedUntil;
  }

  #trust(sentAt: number): void {
    const { clock, terms } = this.#deps;
    this.#trustedUntil = sentAt + (this.#config.leaseMs * 2) / 3;
    this.#cancelTrust();
    this.#cancelTrust = clock.setTimer(this.#trustedUntil - clock.monotonicNow(), () =>
      terms.end(this.#config.shard, 'lost'),
    );
  }
}
