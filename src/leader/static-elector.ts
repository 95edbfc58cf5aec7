import type { Epoch, MemberId, ShardId } from '../domain/shard.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { Probe } from '../runtime/probe.js';
import { Service } from '../runtime/service.js';
import type { LeaderElector } from './leader-elector.js';
import type { LeadershipTerm } from './leadership-term.js';
import { TermRegister } from './term-register.js';

export interface StaticElectorDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
  /** Raises the fence of the shard by one and returns it. */
  readonly raiseEpoch: (shard: ShardId) => Promise<Epoch>;
}

export interface StaticElectorConfig {
  readonly member: MemberId;
  readonly shardCount: number;
}

const LOOK_AGAIN_MS = 1000;

/**
 * Leads every shard, always: for a process that has its store to itself. A shard whose term was given up by
 * its holder is led again, on a new epoch, within a second.
 */
export class StaticElector extends Service implements LeaderElector {
  readonly name = 'static-elector';
  readonly #deps: StaticElectorDeps;
  readonly #config: StaticElectorConfig;
  readonly #terms: TermRegister;
  readonly #loop: PeriodicLoop;

  constructor(deps: StaticElectorDeps, config: StaticElectorConfig) {
    super();
    this.#deps = deps;
    this.#config = config;
    this.#terms = new TermRegister(deps, config);
    this.#loop = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger, runOnce: () => this.#leadAll() },
      { name: 'election', intervalMs: LOOK_AGAIN_MS },
    );
  }

  onTerm(listener: (term: LeadershipTerm) => void): void {
    this.#terms.onTerm(listener);
  }

  terms(): ReadonlyMap<ShardId, LeadershipTerm> {
    return this.#terms.current;
  }

  /** Resolves when all shards are led. Errors: those of `raiseEpoch`. */
  protected async onStart(): Promise<void> {
    await this.#leadAll();
    await this.#loop.start();
  }

  protected async onStop(): Promise<void> {
    this.#terms.close();
    await this.#loop.stop();
  }

  async #leadAll(): Promise<void> {
    for (let shard = 0; shard < this.#config.shardCount; shard++) {
      if (this.#terms.current.has(shard)) continue;
      const epoch = await this.#deps.raiseEpoch(shard);
      this.#terms.open(shard, epoch, () => true);
    }
  }
}
