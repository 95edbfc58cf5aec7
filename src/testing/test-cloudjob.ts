import { CloudJobClient } from '../client/cloudjob-client.js';
import { Worker } from '../client/worker.js';
import { StaticElector } from '../leader/static-elector.js';
import { silentLogger } from '../runtime/logger.js';
import { Metrics } from '../runtime/metrics.js';
import { silentProbe } from '../runtime/probe.js';
import { SchedulerService } from '../scheduler/scheduler.service.js';
import { MemoryStores } from '../store/memory/memory-stores.js';
import type { DefinedJob } from '../client/define-job.js';
import type { Handler } from '../workers/handler-registry.js';
import { ManualClock } from './manual-clock.js';

export interface TestCloudJobOptions {
  /** Where the clock stands at first, ISO 8601. @default '2026-11-21T00:00:00.000Z' */
  readonly now?: string;
  readonly namespace?: string;
}

const MEMBER = 'test';

/**
 * A whole CloudJob in this process, without servers and without waiting: time moves when the test says so.
 *
 *     const cloudJob = new TestCloudJob({ now: '2027-03-14T06:59:00Z' });
 *     cloudJob.handle('report', async (ctx) => …);
 *     await cloudJob.start();
 *     await cloudJob.client.putJob({ name: 'report', … });
 *     await cloudJob.advance(3_600_000);
 *     await cloudJob.stop();
 */
export class TestCloudJob {
  readonly clock: ManualClock;
  readonly client: CloudJobClient;
  readonly #stores: MemoryStores;
  readonly #scheduler: SchedulerService;
  readonly #worker: Worker;
  #handlerCount = 0;

  constructor({ now, namespace = 'default' }: TestCloudJobOptions = {}) {
    this.clock = new ManualClock(now);
    const deps = { clock: this.clock, logger: silentLogger, metrics: new Metrics(), probe: silentProbe };
    const stores = (this.#stores = new MemoryStores(deps, { shardCount: 1 }));
    const raiseEpoch = (shard: number) => stores.executions.raiseFence(shard, MEMBER);
    const elector = new StaticElector({ ...deps, raiseEpoch }, { member: MEMBER, shardCount: 1 });
    this.#scheduler = new SchedulerService({ ...deps, stores, elector });
    this.#worker = new Worker({ stores, clock: this.clock });
    this.client = new CloudJobClient({ stores, namespace });
  }

  /** As `Worker.handle`; before `start`. */
  handle<T>(job: string | DefinedJob<T>, handler: Handler<T>): this {
    if (typeof job === 'string') this.#worker.handle(job, handler);
    else this.#worker.handle(job, handler);
    this.#handlerCount += 1;
    return this;
  }

  async start(): Promise<void> {
    await this.#stores.start();
    await this.#scheduler.start();
    if (this.#handlerCount > 0) await this.#worker.start();
  }

  /** Moves time on; whatever becomes due on the way fires and runs, in order. */
  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  async stop(): Promise<void> {
    // Waits inside (drain, hand-over) follow the manual clock, so it moves until everything has stopped.
    let isStopped = false;
    const stopped = this.#stopAll().finally(() => (isStopped = true));
    while (!isStopped) await this.clock.advance(100);
    await stopped;
  }

  async #stopAll(): Promise<void> {
    await this.client.close();
    if (this.#handlerCount > 0) await this.#worker.stop();
    await this.#scheduler.stop();
    await this.#stores.stop();
  }
}
