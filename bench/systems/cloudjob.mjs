// CloudJob as it is deployed: a scheduler process (`cloudjob start --roles scheduler`) and a worker process of a
// host service. Leaders are elected through Redis; ZooKeeper has no part in the work that is measured.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { StoreClient } from '../../dist/client/store-client.js';
import { silentLogger } from '../../dist/runtime/logger.js';
import { Metrics } from '../../dist/runtime/metrics.js';
import { systemClock } from '../../dist/runtime/system-clock.js';
import { RedisStores } from '../../dist/store/redis/redis-stores.js';
import { payloadOf } from '../work.mjs';
import { WorkerProcess, Workers } from './worker-process.mjs';

export const CLUSTER = 'bench';
export const HANDLER = 'bench';
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Calls in flight while registering. */
const PARALLEL = 4;

export class CloudJob {
  static title = 'CloudJob';
  static slowestRegistration = { once: 5000, cron: 5000 };

  constructor(options, redis) {
    this.options = options;
    this.redis = redis;
    const deps = { clock: systemClock, logger: silentLogger, metrics: new Metrics() };
    this.stores = new RedisStores(deps, { redis: redis.url, cluster: CLUSTER, requireDurability: false });
    this.client = new StoreClient({ stores: this.stores }, { namespace: 'bench' });
    this.jobs = Array.from({ length: options.jobs }, (_, i) => `bench-${i}`);
  }

  async open() {
    await this.stores.start();
    for (const name of this.jobs) await this.client.putJob({ name, target: { type: 'handler', handler: HANDLER } });
  }

  async startWorkers() {
    const settings = { url: this.redis.url, concurrency: this.options.concurrency };
    await this.#startScheduler();
    this.workers = new Workers([await WorkerProcess.start('./cloudjob-worker.mjs', settings)]);
  }

  addOnce(count, at) {
    return this.#add(count, () => ({ type: 'at', at: new Date(at).toISOString() }));
  }

  addCron(count, expressionOf, timeZone) {
    return this.#add(count, (i) => ({ type: 'cron', expression: expressionOf(i) }), timeZone);
  }

  addEvery(count, everyMs) {
    return this.#add(count, (i) => ({
      type: 'every',
      everyMs,
      anchor: new Date(1 + (i % (everyMs - 1))).toISOString(),
    }));
  }

  async #add(count, scheduleOf, timeZone) {
    const { jobs, client } = this;
    const shares = jobs.map(() => []);
    for (let i = 0; i < count; i++) shares[i % jobs.length].push(i);
    let next = 0;
    const one = async () => {
      while (next < jobs.length) {
        const index = next++;
        const triggers = shares[index].map((i) => ({
          name: `trigger-${i}`,
          schedule: scheduleOf(i),
          ...(timeZone === undefined ? {} : { timeZone }),
          data: payloadOf(i, this.options.data),
        }));
        const results = await client.putTriggers(jobs[index], triggers);
        const failed = results.find((result) => result.error !== undefined);
        if (failed !== undefined) throw failed.error;
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, one));
  }

  async countTriggers() {
    const counts = await Promise.all(this.jobs.map((name) => this.stores.jobs.countTriggers(`bench/${name}`)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async countSucceeded() {
    let total = 0;
    for (const job of this.jobs) {
      let cursor;
      do {
        const page = await this.client.listExecutions({
          job,
          state: 'succeeded',
          limit: 500,
          ...(cursor && { cursor }),
        });
        total += page.items.length;
        cursor = page.nextCursor;
      } while (cursor !== undefined);
    }
    return total;
  }

  async close() {
    await this.workers?.stop();
    if (this.scheduler !== undefined) {
      const exited = once(this.scheduler, 'exit');
      this.scheduler.kill('SIGTERM');
      await exited;
    }
    await this.stores.stop();
  }

  async #startScheduler() {
    this.scheduler = spawn(process.execPath, [MAIN, 'start', '--roles', 'scheduler', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        CLOUDJOB_REDIS: this.redis.url,
        CLOUDJOB_CLUSTER: CLUSTER,
        CLOUDJOB_API_KEY: 'bench-0123456789-abcdefghijklmnopqrstuvwxyz',
        CLOUDJOB_LOG_LEVEL: 'error',
        CLOUDJOB_ALLOW_VOLATILE_REDIS: String(this.options.persistence === 'none'),
      },
    });
    const ended = once(this.scheduler, 'exit').then(([code]) => {
      throw new Error(`the scheduler ended while starting: ${code}`);
    });
    ended.catch(() => undefined);
    const lines = createInterface({ input: this.scheduler.stdout });
    const ready = (async () => {
      for await (const line of lines) if (line.includes('ready')) return;
    })();
    await Promise.race([ready, ended]);
    this.scheduler.stdout.resume();
  }
}
