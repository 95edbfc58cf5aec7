import { randomUUID } from 'node:crypto';
import { StoreUnavailableError } from '../domain/errors.js';
import { leaseTokenOf } from '../domain/lease.js';
import type { ShardId } from '../domain/shard.js';
import type { Lane } from '../domain/target.js';
import type { DurationMs } from '../domain/time/instant.js';
import { delay, type Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import { Service } from '../runtime/service.js';
import type { ClaimedExecution, ExecutionStore, Unsubscribe } from '../store/execution-store.js';
import type { ExecutionRunner } from './execution-runner.js';
import type { Slots } from './slots.js';

/** Every shard is asked this often even without a hint: hints may be lost. */
const SWEEP_MS = 2000;
const MAX_CALLS = 4;
const MAX_BATCH = 500;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1000;

export interface ExecutionClaimerDeps {
  readonly executions: Pick<ExecutionStore, 'shardCount' | 'claim' | 'onReady'>;
  readonly runner: Pick<ExecutionRunner, 'accept' | 'giveBack'>;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ExecutionClaimerConfig {
  readonly worker: string;
  readonly lanes: readonly Lane[];
  readonly leaseMs: DurationMs;
}

/**
 * Fetches work for free slots. A shard is worth asking after a hint, at a sweep, or when its last claim came
 * back full; shards take turns, a few calls run at a time and at most one per shard, and the free slots are
 * divided among them. Slots that free up during one turn of the event loop are used by one claim.
 *
 * A claim whose outcome is unknown is repeated with the same token, keeping its slots, for half a lease: what
 * the lost answer held is then either here, with time left to extend it, or rescued.
 */
export class ExecutionClaimer extends Service {
  readonly name = 'execution-claimer';
  readonly #deps: ExecutionClaimerDeps;
  readonly #config: ExecutionClaimerConfig;
  /** In the order in which they are asked. */
  readonly #worthAsking = new Set<ShardId>();
  readonly #calls = new Map<ShardId, Promise<void>>();
  readonly #sweep: PeriodicLoop;
  #unsubscribe: Unsubscribe = () => Promise.resolve();
  #isPassPlanned = false;

  constructor(deps: ExecutionClaimerDeps, config: ExecutionClaimerConfig) {
    super();
    this.#deps = deps;
    this.#config = config;
    this.#sweep = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger, runOnce: async () => this.#askAll() },
      { name: 'claim-sweep', intervalMs: SWEEP_MS },
    );
  }

  protected async onStart(): Promise<void> {
    const { executions, slots } = this.#deps;
    slots.onFree(() => this.#planPass());
    this.#unsubscribe = await executions.onReady(this.#config.lanes, (shard) => {
      this.#worthAsking.add(shard);
      this.#planPass();
    });
    await this.#sweep.start();
  }

  /** No claim is sent any more; what calls under way still bring is given back. */
  protected async onStop(): Promise<void> {
    await this.#sweep.stop();
    await this.#unsubscribe();
    await Promise.all(this.#calls.values());
  }

  #askAll(): void {
    for (let shard = 0; shard < this.#deps.executions.shardCount; shard++) this.#worthAsking.add(shard);
    this.#planPass();
  }

  #planPass(): void {
    if (this.#isPassPlanned || this.#worthAsking.size === 0) return;
    this.#isPassPlanned = true;
    setImmediate(() => {
      this.#isPassPlanned = false;
      this.#pass();
    });
  }

  #pass(): void {
    const { slots } = this.#deps;
    const shards = [...this.#worthAsking].filter((shard) => !this.#calls.has(shard));
    for (const [i, shard] of shards.entries()) {
      if (this.stopSignal.aborted || slots.free === 0 || this.#calls.size >= MAX_CALLS) return;
      const sharers = Math.min(shards.length - i, MAX_CALLS - this.#calls.size);
      const limit = Math.min(Math.ceil(slots.free / sharers), MAX_BATCH);
      this.#worthAsking.delete(shard);
      slots.take(limit);
      const call = this.#claim(shard, limit).finally(() => {
        this.#calls.delete(shard);
        this.#planPass();
      });
      this.#calls.set(shard, call);
    }
  }

  async #claim(shard: ShardId, limit: number): Promise<void> {
    const { runner, slots, clock } = this.#deps;
    const sentAt = clock.monotonicNow();
    const claimed = await this.#ask(shard, limit, sentAt);
    if (claimed.length === limit) this.#worthAsking.add(shard);
    if (this.stopSignal.aborted) await runner.giveBack(shard, claimed, sentAt);
    else runner.accept(shard, claimed, sentAt);
    slots.release(limit - claimed.length);
  }

  async #ask(shard: ShardId, limit: number, sentAt: number): Promise<readonly ClaimedExecution[]> {
    const { executions, clock, logger } = this.#deps;
    const { lanes, worker, leaseMs } = this.#config;
    const request = { lanes, limit, worker, leaseMs, token: leaseTokenOf(randomUUID()) };
    for (let failures = 0; ; failures++) {
      try {
        return await executions.claim(shard, request);
      } catch (error) {
        logger.warn('claim-failed', { shard, failures, error });
        const isOver = this.stopSignal.aborted || clock.monotonicNow() >= sentAt + leaseMs / 2;
        if (isOver || !(error instanceof StoreUnavailableError)) return [];
      }
      await delay(clock, Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS), this.stopSignal);
    }
  }
}
