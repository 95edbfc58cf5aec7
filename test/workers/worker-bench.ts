import { StoreClient } from '../../src/client/store-client.js';
import type { Execution, ExecutionId } from '../../src/domain/execution.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import type { ExecutionStore } from '../../src/store/execution-store.js';
import type { Stores } from '../../src/store/stores.js';
import { StoreUnavailableError } from '../../src/domain/errors.js';
import { HandlerRegistry, type Handler } from '../../src/workers/handler-registry.js';
import { WorkerService, type WorkerServiceConfig, type WorkerServiceDeps } from '../../src/workers/worker.service.js';
import { ManualClock, settle } from '../support/manual-clock.js';
import { RecordingProbe } from '../support/wait.js';
import { EPOCH_1 } from '../support/builders.js';

/** Lets chosen calls to the store fail: before they are applied, or after, when only the answer is lost. */
export class FaultyExecutions {
  readonly store: ExecutionStore;
  readonly calls: { method: string; args: readonly unknown[] }[] = [];
  readonly #faults = new Map<string, { when: 'before' | 'after'; left: number }>();

  constructor(inner: ExecutionStore) {
    this.store = new Proxy(inner, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function' || typeof property !== 'string') return value;
        return (...args: unknown[]) => this.#call(property, args, () => value.apply(target, args) as unknown);
      },
    });
  }

  fail(method: 'claim' | 'extend' | 'settle', when: 'before' | 'after', count = 1): void {
    this.#faults.set(method, { when, left: count });
  }

  async #call(method: string, args: readonly unknown[], run: () => unknown): Promise<unknown> {
    this.calls.push({ method, args });
    const fault = this.#faults.get(method);
    const isHit = fault !== undefined && fault.left > 0;
    if (isHit) fault.left -= 1;
    const answer = isHit && fault.when === 'before' ? undefined : await run();
    if (isHit) throw new StoreUnavailableError('CJ_REDIS_TIMEOUT', `${method} was not answered`);
    return answer;
  }
}

/** One worker on the in-memory stores, a manual clock, and a client to give it work. */
export class WorkerBench {
  readonly clock = new ManualClock();
  readonly metrics = new Metrics();
  readonly probe = new RecordingProbe();
  readonly memory = new MemoryStores({ clock: this.clock }, { shardCount: 4 });
  readonly executions = new FaultyExecutions(this.memory.executions);
  readonly client = new StoreClient({ stores: this.memory }, { namespace: 'shop' });
  readonly #workers: WorkerService[] = [];

  worker(
    handlers: Readonly<Record<string, Handler>>,
    { deps = {}, ...config }: Partial<WorkerServiceConfig> & { deps?: Partial<WorkerServiceDeps> } = {},
  ): WorkerService {
    const registry = new HandlerRegistry();
    for (const [name, handler] of Object.entries(handlers)) registry.register(name, handler);
    const stores = new Proxy<Stores>(this.memory, {
      get: (target, property) =>
        property === 'executions' ? this.executions.store : (Reflect.get(target, property, target) as unknown),
    });
    const { clock, metrics, probe } = this;
    const worker = new WorkerService(
      { stores, handlers: registry, clock, metrics, probe, logger: silentLogger, ...deps },
      { worker: 'w-1', queues: ['default'], concurrency: 10, leaseMs: 6000, drainMs: 5000, ...config },
    );
    this.#workers.push(worker);
    return worker;
  }

  /** Stores a job, runs it now and lets a worker take it; returns the id of the execution. */
  async run(job: string, fields: Record<string, unknown> = {}, data?: number | string | object): Promise<ExecutionId> {
    const target = { type: 'handler', handler: job };
    await this.client.putJob({ name: job, target, ...fields } as Parameters<StoreClient['putJob']>[0]);
    const { id } = await this.client.run(job, data === undefined ? {} : { data: data as never });
    await settle(20);
    return id as ExecutionId;
  }

  /** The record, after everything that can happen without time passing has happened. */
  async record(id: ExecutionId): Promise<Execution> {
    await settle(20);
    const record = await this.memory.executions.getExecution(id);
    if (record === null) throw new Error(`there is no execution ${id}`);
    return record;
  }

  /** What the leader does now and then. */
  async leaderPass(): Promise<void> {
    for (let shard = 0; shard < 4; shard++) {
      await this.memory.executions.requeueRetries(shard, EPOCH_1, 1000);
      await this.memory.executions.rescueExpired(shard, EPOCH_1, 1000);
    }
    await settle(20);
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) {
      let isStopped = false;
      const stopped = worker.stop().then(() => (isStopped = true));
      for (let i = 0; i < 60 && !isStopped; i++) await this.clock.advance(1000);
      await stopped;
    }
  }
}
