import { StoreUnavailableError } from '../domain/errors.js';
import type { ShardId } from '../domain/shard.js';
import type { DurationMs } from '../domain/time/instant.js';
import { delay, type Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { Service } from '../runtime/service.js';
import type { ExecutionStore, LeaseRef, SettleOutcome, Settlement } from '../store/execution-store.js';

const MAX_BATCH = 500;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1000;

export interface SettlerDeps {
  readonly executions: Pick<ExecutionStore, 'settle'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface SettlerConfig {
  readonly leaseMs: DurationMs;
}

export interface SettleRequest extends LeaseRef {
  readonly shard: ShardId;
  readonly settlement: Settlement;
  /** Monotonic instant at which the lease ends. */
  readonly leaseEndsAt: number;
}

/** `unknown` = the store could not be asked in time; the lease decides what becomes of the execution. */
export type SettleAnswer = SettleOutcome | 'unknown';

interface Item {
  readonly request: SettleRequest;
  readonly resolve: (answer: SettleAnswer) => void;
}

/**
 * Tells the store how attempts ended. What ends in one turn of the event loop, or while a call is under way,
 * goes into the next call of its shard; one call per shard at a time. When the store cannot be reached the
 * same settlements are sent again until the lease has ended, and for one more lease length, since a store
 * that was away often comes back before anybody rescued: the token decides who is heard. While stopping,
 * only until the lease has ended.
 */
export class Settler extends Service {
  readonly name = 'settler';
  readonly #deps: SettlerDeps;
  readonly #leaseMs: DurationMs;
  readonly #queues = new Map<ShardId, Item[]>();
  readonly #flushes = new Map<ShardId, Promise<void>>();
  #backlog = 0;

  constructor(deps: SettlerDeps, config: SettlerConfig) {
    super();
    this.#deps = deps;
    this.#leaseMs = config.leaseMs;
  }

  /** Settlements without an answer. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Never rejects. */
  settle(request: SettleRequest): Promise<SettleAnswer> {
    return new Promise((resolve) => {
      this.#backlog += 1;
      const { shard } = request;
      const queue = this.#queues.get(shard);
      if (queue === undefined) this.#queues.set(shard, [{ request, resolve }]);
      else queue.push({ request, resolve });
      if (!this.#flushes.has(shard)) this.#flushes.set(shard, this.#flush(shard));
    });
  }

  protected onStart(): Promise<void> {
    return Promise.resolve();
  }

  /** What was asked for before is finished. */
  protected async onStop(): Promise<void> {
    await Promise.all(this.#flushes.values());
  }

  async #flush(shard: ShardId): Promise<void> {
    // Lets whatever else ends in this turn join the call.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    for (let queue = this.#queues.get(shard); queue !== undefined; queue = this.#queues.get(shard)) {
      const batch = queue.splice(0, MAX_BATCH);
      if (queue.length === 0) this.#queues.delete(shard);
      await this.#send(shard, batch);
    }
    this.#flushes.delete(shard);
  }

  async #send(shard: ShardId, batch: readonly Item[]): Promise<void> {
    let waiting = batch;
    for (let failures = 0; waiting.length > 0;) {
      try {
        const outcomes = await this.#deps.executions.settle(
          shard,
          waiting.map(({ request: { id, token, settlement } }) => ({ id, token, settlement })),
        );
        waiting.forEach((item, i) => this.#answer(item, outcomes[i] ?? 'lost'));
        return;
      } catch (error) {
        failures += 1;
        waiting = error instanceof StoreUnavailableError ? this.#thoseWithTime(waiting) : this.#giveUp(waiting);
        this.#deps.logger.warn('settling-failed', { shard, failures, left: waiting.length, error });
      }
      if (waiting.length > 0) await delay(this.#deps.clock, Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS));
    }
  }

  /** Those that may still be sent again; the others are given up. */
  #thoseWithTime(items: readonly Item[]): readonly Item[] {
    const now = this.#deps.clock.monotonicNow();
    const extraMs = this.stopSignal.aborted ? 0 : this.#leaseMs;
    const isLate = ({ request }: Item): boolean => now >= request.leaseEndsAt + extraMs;
    this.#giveUp(items.filter(isLate));
    return items.filter((item) => !isLate(item));
  }

  #giveUp(items: readonly Item[]): readonly Item[] {
    for (const item of items) this.#answer(item, 'unknown');
    return [];
  }

  #answer(item: Item, answer: SettleAnswer): void {
    this.#backlog -= 1;
    item.resolve(answer);
  }
}
