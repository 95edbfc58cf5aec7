import type { ExecutionId } from '../domain/execution.js';
import type { LeaseToken } from '../domain/lease.js';
import type { ShardId } from '../domain/shard.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import { Service } from '../runtime/service.js';
import type { ExecutionStore, ExtendOutcome } from '../store/execution-store.js';
import type { Attempt } from './attempt.js';

const MAX_BATCH = 500;

export interface LeaseKeeperDeps {
  readonly executions: Pick<ExecutionStore, 'extend'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface LeaseKeeperConfig {
  readonly leaseMs: DurationMs;
}

/** A lease held by this worker. */
export interface HeldLease {
  readonly shard: ShardId;
  readonly id: ExecutionId;
  readonly token: LeaseToken;
  /** Monotonic instant at which the last confirmed grant was asked for: the lease ends `leaseMs` later at the earliest. */
  grantedAt: number;
  readonly attempt: Pick<Attempt, 'abort'>;
}

/**
 * Extends the leases of all running attempts, in batches, when a third of their length has passed since the
 * request of the last grant was sent. Counting from the sending, not from the answer, keeps the local end of
 * a lease before the store's, however slow the answer was. An extension that fails is repeated at every
 * pass, a twelfth of the lease apart; a lease that could not be confirmed is given up one pass before it
 * ends, so that an attempt has stopped before another worker can be given it.
 */
export class LeaseKeeper extends Service {
  readonly name = 'lease-keeper';
  readonly #deps: LeaseKeeperDeps;
  readonly #leaseMs: DurationMs;
  readonly #passMs: DurationMs;
  readonly #held = new Map<ExecutionId, HeldLease>();
  readonly #extending = new Set<HeldLease>();
  readonly #calls = new Set<Promise<void>>();
  readonly #loop: PeriodicLoop;

  constructor(deps: LeaseKeeperDeps, config: LeaseKeeperConfig) {
    super();
    this.#deps = deps;
    this.#leaseMs = config.leaseMs;
    this.#passMs = config.leaseMs / 12;
    this.#loop = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger, runOnce: async () => this.runOnce() },
      { name: this.name, intervalMs: this.#passMs },
    );
  }

  hold(lease: HeldLease): void {
    const former = this.#held.get(lease.id);
    // Rescued and claimed again by this very worker: the new grant ended the old one.
    if (former !== undefined) this.#lose(former, 'replaced');
    this.#held.set(lease.id, lease);
  }

  /** The attempt has ended: the lease is not extended any more. */
  letGo(lease: HeldLease): void {
    if (this.#held.get(lease.id) === lease) this.#held.delete(lease.id);
  }

  /** Monotonic instant until which nobody else can hold a lease whose last grant was asked for at `grantedAt`. */
  endsAt(grantedAt: number): number {
    return grantedAt + this.#leaseMs;
  }

  /** Gives up what is about to end, and sends extensions for what is due. Does not wait for the answers. */
  runOnce(): void {
    const now = this.#deps.clock.monotonicNow();
    const due = new Map<ShardId, HeldLease[]>();
    for (const lease of this.#held.values()) {
      const age = now - lease.grantedAt;
      if (age >= this.#leaseMs - this.#passMs) this.#lose(lease, 'unconfirmed');
      else if (age >= this.#leaseMs / 3 && !this.#extending.has(lease)) {
        const ofShard = due.get(lease.shard);
        if (ofShard === undefined) due.set(lease.shard, [lease]);
        else ofShard.push(lease);
      }
    }
    for (const [shard, leases] of due) {
      for (let i = 0; i < leases.length; i += MAX_BATCH) this.#send(shard, leases.slice(i, i + MAX_BATCH));
    }
  }

  protected onStart(): Promise<void> {
    return this.#loop.start();
  }

  protected async onStop(): Promise<void> {
    await this.#loop.stop();
    await Promise.all(this.#calls);
  }

  #send(shard: ShardId, leases: readonly HeldLease[]): void {
    const call = this.#extend(shard, leases).finally(() => this.#calls.delete(call));
    this.#calls.add(call);
  }

  async #extend(shard: ShardId, leases: readonly HeldLease[]): Promise<void> {
    const sentAt = this.#deps.clock.monotonicNow();
    for (const lease of leases) this.#extending.add(lease);
    try {
      const outcomes = await this.#deps.executions.extend(shard, leases, this.#leaseMs);
      leases.forEach((lease, i) => this.#apply(lease, outcomes[i] ?? 'lost', sentAt));
    } catch (error) {
      this.#deps.logger.warn('lease-extension-failed', { shard, leases: leases.length, error });
    } finally {
      for (const lease of leases) this.#extending.delete(lease);
    }
  }

  #apply(lease: HeldLease, outcome: ExtendOutcome, sentAt: number): void {
    if (this.#held.get(lease.id) !== lease) return; // Ended while the extension was under way.
    if (outcome === 'lost') {
      this.#lose(lease, 'refused');
      return;
    }
    lease.grantedAt = sentAt;
    if (outcome === 'cancelling') lease.attempt.abort('cancel');
  }

  #lose(lease: HeldLease, how: 'refused' | 'unconfirmed' | 'replaced'): void {
    this.#held.delete(lease.id);
    this.#deps.metrics.leasesLost.inc();
    this.#deps.logger.warn('lease-lost', { execution: lease.id, how });
    lease.attempt.abort('lease-lost');
  }
}
