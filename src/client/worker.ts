import { ConfigError } from '../domain/errors.js';
import { isName } from '../domain/limits.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { Clock } from '../runtime/clock.js';
import { silentLogger, type Logger } from '../runtime/logger.js';
import { Metrics } from '../runtime/metrics.js';
import { silentProbe } from '../runtime/probe.js';
import type { Service } from '../runtime/service.js';
import { systemClock } from '../runtime/system-clock.js';
import { RedisStores } from '../store/redis/redis-stores.js';
import type { Stores } from '../store/stores.js';
import { HandlerRegistry, type Handler } from '../workers/handler-registry.js';
import { WorkerService } from '../workers/worker.service.js';
import { newWorkerName } from '../workers/worker-name.js';
import type { DefinedJob } from './define-job.js';

export interface WorkerSettings {
  /** @default ['default'] */
  readonly queues?: readonly string[];
  /** Attempts at once, 1 to 10,000. @default 100 */
  readonly concurrency?: number;
  /** How long an attempt outlives the last sign of this process, 1000 to 600,000 ms. @default 6000 */
  readonly leaseMs?: DurationMs;
  /** How long running work may go on after `stop`. @default 20000 */
  readonly drainMs?: DurationMs;
  /** @default none */
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/** Where the executions are: the Redis of a cluster, or stores of this process, which their owner starts and stops. */
export type WorkerSource =
  | { readonly redis: ConstructorParameters<typeof RedisStores>[1]['redis']; readonly cluster?: string }
  | { readonly stores: Omit<Stores, keyof Service>; readonly clock?: Clock };

export type WorkerOptions = WorkerSettings & WorkerSource;

/**
 * Runs named handlers in this process. Register handlers, then start; a stopped worker is not started again.
 *
 *     const worker = new Worker({ redis: 'redis://127.0.0.1:6379', cluster: 'shop' });
 *     worker.handle('invoice.send', async ({ data, signal }) => …);
 *     await worker.start();
 */
export class Worker {
  /** Unique among the workers of the cluster. */
  readonly name = newWorkerName();
  readonly #handlers = new HandlerRegistry();
  readonly #service: WorkerService;
  readonly #ownStores: Service | undefined;

  /** Errors: `ConfigError` for options that cannot be. */
  constructor(options: WorkerOptions) {
    const { queues = ['default'], concurrency = 100, leaseMs = 6000, drainMs = 20_000 } = options;
    const { logger = silentLogger, metrics = new Metrics() } = options;
    for (const queue of queues) check(isName(queue), `queue '${queue}' is not a name`);
    check(isWithin(concurrency, 1, 10_000), `concurrency must be 1 to 10000, not ${concurrency}`);
    check(isWithin(leaseMs, 1000, 600_000), `leaseMs must be 1000 to 600000, not ${leaseMs}`);
    check(isWithin(drainMs, 0, 3_600_000), `drainMs must be 0 to 3600000, not ${drainMs}`);

    const isRemote = 'redis' in options;
    const clock = isRemote ? systemClock : (options.clock ?? systemClock);
    let stores: Omit<Stores, keyof Service>;
    if (isRemote) {
      const { redis, cluster = 'default' } = options;
      // Whether this Redis may hold a cluster is for the schedulers to say.
      const own = new RedisStores({ clock, logger, metrics }, { redis, cluster, requireDurability: false });
      this.#ownStores = own;
      stores = own;
    } else {
      stores = options.stores;
    }
    this.#service = new WorkerService(
      { stores, handlers: this.#handlers, clock, logger, metrics, probe: silentProbe },
      { worker: this.name, queues, concurrency, leaseMs, drainMs },
    );
  }

  /** Errors: `ConfigError` for a name that is taken or cannot be, or after `start`. */
  handle<T>(job: DefinedJob<T>, handler: Handler<T>): this;
  handle<T = unknown>(name: string, handler: Handler<T>): this;
  handle<T>(job: string | DefinedJob<T>, handler: Handler<T>): this {
    if (typeof job === 'string') this.#handlers.register(job, handler as Handler);
    else this.#handlers.register(job.name, handler as Handler, job.parse);
    return this;
  }

  /** Resolves when work is being taken. Errors: `ConfigError` without a handler; `StoreUnavailableError`. */
  async start(): Promise<void> {
    check(this.#handlers.names().length > 0, 'a worker needs at least one handler');
    await this.#ownStores?.start();
    try {
      await this.#service.start();
    } catch (error) {
      await this.#ownStores?.stop();
      throw error;
    }
  }

  /** Takes no more work, lets running handlers finish for `drainMs`, gives back the rest. Idempotent. */
  async stop(): Promise<void> {
    await this.#service.stop();
    await this.#ownStores?.stop();
  }
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function check(isGood: boolean, problem: string): void {
  if (!isGood) throw new ConfigError(problem);
}
