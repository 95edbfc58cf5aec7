// BullMQ with job schedulers and delayed jobs: what somebody would write who uses it for the same work.
import { Queue } from 'bullmq';
import { payloadOf } from '../work.mjs';
import { WorkerProcess, Workers } from './worker-process.mjs';

export const QUEUE = 'bench';

/** Three attempts with backoff, as CloudJob's default. */
const JOB_OPTIONS = { attempts: 3, backoff: { type: 'exponential', delay: 1000 } };

/** Calls in flight while registering: more brought nothing. */
const PARALLEL = 500;

export function connectionOf(port) {
  return { host: '127.0.0.1', port, maxRetriesPerRequest: null };
}

/** Schedulers name the instant in the job's id; one-shots carry it as time stamp and delay. */
export function nominalTimeOf(job) {
  const fromScheduler = /^repeat:.*:(\d+)$/.exec(job.id);
  return fromScheduler === null ? job.timestamp + job.opts.delay : Number(fromScheduler[1]);
}

export class BullMq {
  static title = 'BullMQ 6.7.0';
  /** Registrations per second, low estimate: how long ahead a common instant has to be set. */
  static slowestRegistration = { once: 2000, cron: 500 };

  constructor(options, redis) {
    this.options = options;
    this.redis = redis;
    this.queue = new Queue(QUEUE, { connection: connectionOf(redis.port), defaultJobOptions: JOB_OPTIONS });
  }

  async open() {
    await this.queue.waitUntilReady();
  }

  async startWorkers() {
    const { bullmqWorkers, concurrency } = this.options;
    const settings = { port: this.redis.port, concurrency };
    const starting = Array.from({ length: bullmqWorkers }, () => WorkerProcess.start('./bullmq-worker.mjs', settings));
    this.workers = new Workers(await Promise.all(starting));
  }

  /** One-shots at one instant. */
  async addOnce(count, at) {
    for (let from = 0; from < count; from += 1000) {
      const timestamp = Date.now();
      const size = Math.min(1000, count - from);
      const opts = { ...JOB_OPTIONS, timestamp, delay: at - timestamp };
      await this.queue.addBulk(
        Array.from({ length: size }, (_, i) => ({ name: 'bench', data: payloadOf(from + i, this.options.data), opts })),
      );
    }
  }

  /** Cron triggers; `expressionOf` gives second-first fields without a year. */
  async addCron(count, expressionOf, timeZone) {
    await this.#inParallel(count, (i) => ({ pattern: expressionOf(i), tz: timeZone }));
  }

  /** Triggers every `everyMs`, spread evenly over it. */
  async addEvery(count, everyMs) {
    await this.#inParallel(count, (i) => ({ every: everyMs, offset: 1 + (i % (everyMs - 1)) }));
  }

  async #inParallel(count, repeatOf) {
    let next = 0;
    const one = async () => {
      while (next < count) {
        const i = next++;
        const template = { name: 'bench', data: payloadOf(i, this.options.data), opts: JOB_OPTIONS };
        await this.queue.upsertJobScheduler(`trigger-${i}`, repeatOf(i), template);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, one));
  }

  /** Triggers that are stored, to check the registration. */
  async countTriggers() {
    return this.queue.getJobSchedulersCount();
  }

  /** Records of successful executions that can be looked at. */
  async countSucceeded() {
    return this.queue.getCompletedCount();
  }

  async close() {
    await this.workers?.stop();
    await this.queue.close();
  }
}
