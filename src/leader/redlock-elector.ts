import { assignShards } from '../domain/shard-assignment.js';
import type { Epoch, MemberId, ShardId } from '../domain/shard.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { Probe } from '../runtime/probe.js';
import { Service } from '../runtime/service.js';
import type { Fitness, LeaderElector } from './leader-elector.js';
import type { LeadershipTerm } from './leadership-term.js';
import type { LeaseGranter } from './lease-granter.js';
import { LeasedShard } from './leased-shard.js';
import { TermRegister } from './term-register.js';

export interface RedlockElectorDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
  readonly leases: LeaseGranter;
  /** Raises the fence of the shard by one and returns it. */
  readonly raiseEpoch: (shard: ShardId) => Promise<Epoch>;
  /** Names of the live schedulers that may lead; this one counts as live in any case. */
  readonly listMembers: () => Promise<readonly MemberId[]>;
  /** @default always fit */
  readonly fitness?: Fitness;
}

export interface RedlockElectorConfig {
  readonly member: MemberId;
  readonly shardCount: number;
  /** Name of the lease of a shard, the same for all members of the cluster and for nobody else. */
  readonly leaseName: (shard: ShardId) => string;
  /** Length of a lease: longer means fewer false alarms and a slower failover after a crash. */
  readonly leaseMs: number;
}

const LIST_MEMBERS_MS = 1000;

/**
 * Elects where there is Redis but no ZooKeeper: one lease for each shard, held by the member that the common
 * assignment names. A lease alone is not safe (a paused process, a failover of Redis, a jump of a server's
 * clock may let two hold it); as with ZooKeeper it is the epoch, raised in the store, that makes it so.
 * Failover takes the rest of the lease and the time until the registry drops the dead member.
 */
export class RedlockElector extends Service implements LeaderElector {
  readonly name = 'redlock-elector';
  readonly #deps: RedlockElectorDeps;
  readonly #config: RedlockElectorConfig;
  readonly #terms: TermRegister;
  readonly #shards: readonly LeasedShard[];
  readonly #loop: PeriodicLoop;
  #assignment: readonly MemberId[] = [];

  constructor(deps: RedlockElectorDeps, config: RedlockElectorConfig) {
    super();
    this.#deps = deps;
    this.#config = config;
    this.#terms = new TermRegister(deps, config);
    this.#shards = Array.from({ length: config.shardCount }, (_, shard) => this.#makeShard(shard));
    this.#loop = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger, runOnce: () => this.#assign() },
      { name: 'election', intervalMs: LIST_MEMBERS_MS },
    );
  }

  onTerm(listener: (term: LeadershipTerm) => void): void {
    this.#terms.onTerm(listener);
  }

  terms(): ReadonlyMap<ShardId, LeadershipTerm> {
    return this.#terms.current;
  }

  /** Resolves when the members were asked for once. Until they are known, nothing is led. */
  protected async onStart(): Promise<void> {
    this.#deps.fitness?.onChanged(() => {
      this.#loop.wake();
      for (const shard of this.#shards) shard.wake();
    });
    await this.#assign().catch((error: unknown) => this.#deps.logger.warn('members-not-listed', { error }));
    await Promise.all(this.#shards.map((shard) => shard.start()));
    await this.#loop.start();
  }

  protected async onStop(): Promise<void> {
    this.#terms.close();
    await Promise.all([this.#loop.stop(), ...this.#shards.map((shard) => shard.stop())]);
  }

  #makeShard(shard: ShardId): LeasedShard {
    const { clock, logger, leases, raiseEpoch } = this.#deps;
    const { member, leaseName, leaseMs } = this.#config;
    const isDue = (): boolean => this.#assignment[shard] === member && !this.stopSignal.aborted && !this.#isRefused();
    return new LeasedShard(
      { clock, logger, leases, terms: this.#terms, raiseEpoch, isDue },
      { shard, leaseName: leaseName(shard), leaseMs },
    );
  }

  #isRefused(): boolean {
    return (this.#deps.fitness?.refusal() ?? null) !== null;
  }

  /** When the list cannot be had, the last one stays in force: leases go on being extended. */
  async #assign(): Promise<void> {
    const members = new Set(await this.#deps.listMembers());
    if (this.#isRefused()) members.delete(this.#config.member);
    else members.add(this.#config.member);
    const assignment = assignShards([...members], this.#config.shardCount);
    const changed = this.#shards.filter((_, shard) => assignment[shard] !== this.#assignment[shard]);
    this.#assignment = assignment;
    for (const shard of changed) shard.wake();
    this.#deps.probe.signal('members-listed', { members: [...members] });
  }
}
