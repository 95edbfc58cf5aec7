import { CloudJobError } from '../../src/domain/errors.js';
import type { TriggerInput } from '../../src/domain/trigger.js';
import type { StoreClient } from '../../src/client/store-client.js';
import { delay } from '../../src/runtime/clock.js';
import { Random } from '../faults/random.js';
import { HANDLER } from './members.js';
import type { SimProcess } from './sim-process.js';
import type { Simulation } from './simulation.js';
import type { DelayTable, Timetable } from './timetable.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

type NamedTrigger = TriggerInput & { readonly name: string };

export interface WorkloadConfig {
  readonly jobs: number;
  /** By the clock, of all jobs together. */
  readonly triggers: number;
  /** Of each job, after the end of their last execution. */
  readonly delays: number;
  readonly partitionedJobs: number;
}

/** What is defined, changed, run and deleted in the course of a run. */
export class Workload {
  readonly #sim: Simulation;
  /** Of its own: what is asked for by a seed stays the same when the product makes one call more. */
  readonly #random: Random;
  readonly #client: StoreClient;
  readonly #clock: SimProcess;
  readonly #jobs: readonly string[];
  readonly #triggersPerJob: number;
  readonly #delaysPerJob: number;
  readonly #isPartitioned: ReadonlySet<string>;
  #backfillCount = 0;
  #isOver = false;
  operations = 0;

  constructor(
    deps: { readonly sim: Simulation; readonly client: StoreClient; readonly clock: SimProcess },
    config: WorkloadConfig,
  ) {
    this.#sim = deps.sim;
    this.#random = new Random(deps.sim.seed ^ 0x6ed9eba1);
    this.#client = deps.client;
    this.#clock = deps.clock;
    this.#jobs = Array.from({ length: config.jobs }, (_, index) => `job-${index}`);
    this.#triggersPerJob = Math.ceil(config.triggers / config.jobs);
    this.#delaysPerJob = config.delays;
    this.#isPartitioned = new Set(this.#jobs.slice(0, config.partitionedJobs));
  }

  /** Everything is defined at first; then one change follows the other, `everyMs` apart on average. */
  start(everyMs: number): void {
    for (const job of this.#jobs) this.#attempt(async () => this.#define(job));
    const next = (): void => {
      this.#sim.schedule(-Math.log(1 - this.#random.next()) * everyMs, this.#clock, () => {
        if (this.#isOver) return;
        this.#attempt(() => this.#change());
        next();
      });
    };
    next();
  }

  end(): void {
    this.#isOver = true;
  }

  /** Nothing fires any more; what was queued may come to its end. Repeated until it is known. */
  pauseAll(): void {
    for (const job of this.#jobs) {
      this.#attempt(async () => {
        await this.#client.pauseJob(job, 'the end');
      });
    }
  }

  #attempt(what: () => Promise<unknown>): void {
    this.operations += 1;
    this.#sim.schedule(0, this.#clock, () => {
      what().catch((error: unknown) => {
        if (!(error instanceof CloudJobError) || error.code === 'CJ_INVARIANT') this.#sim.fail(error as Error);
      });
    });
  }

  async #define(job: string): Promise<void> {
    const random = this.#random;
    await this.#client.putJob({
      name: job,
      target: { type: 'handler', handler: HANDLER },
      retry: { maxAttempts: random.between(1, 4), backoff: { type: 'exponential', initialMs: 500, maxMs: 10_000 } },
      timeoutMs: 60_000,
      retention: { succeededMs: random.between(1, 30) * MINUTE_MS, failedMs: HOUR_MS },
      priority: random.between(-1, 1),
      ...(this.#isPartitioned.has(job) ? { partitioned: true } : {}),
    });
    const timed = Array.from({ length: this.#triggersPerJob }, (_, index) => this.#trigger(`trigger-${index}`));
    const delayed = Array.from({ length: this.#delaysPerJob }, (_, index) => this.#delay(`delay-${index}`));
    await this.#client.putTriggers(job, [...timed, ...delayed]);
  }

  #change(): Promise<unknown> {
    const random = this.#random;
    const client = this.#client;
    const job = random.pick(this.#jobs);
    const isDelay = this.#delaysPerJob > 0 && random.chance(0.2);
    const number = random.between(0, (isDelay ? this.#delaysPerJob : this.#triggersPerJob) - 1);
    const trigger = `${isDelay ? 'delay' : 'trigger'}-${number}`;
    const chosen = random.next();
    if (chosen < 0.1) return this.#backfill(job, `trigger-${random.between(0, this.#triggersPerJob - 1)}`);
    if (chosen < 0.3) return client.putTrigger(job, isDelay ? this.#delay(trigger) : this.#trigger(trigger));
    if (chosen < 0.4) return client.deleteTrigger(job, trigger);
    if (chosen < 0.5) return client.pauseTrigger(job, trigger);
    if (chosen < 0.62) return client.resumeTrigger(job, trigger);
    if (chosen < 0.68) return client.pauseJob(job);
    if (chosen < 0.78) return client.resumeJob(job);
    if (chosen < 0.8) return client.deleteJob(job);
    if (chosen < 0.84) return this.#define(job);
    if (chosen < 0.92) return client.run(job);
    return this.#meddle();
  }

  /** A range that has some of the trigger's times, if it is there; sometimes asked for twice, or cancelled. */
  async #backfill(job: string, trigger: string): Promise<void> {
    const random = this.#random;
    const id = `backfill-${this.#backfillCount++}`;
    const { data } = await this.#client.getTrigger(job, trigger);
    const { periodMs } = data as unknown as Timetable;
    const to = this.#clock.now() - random.between(0, 1000);
    const from = to - periodMs * random.between(1, 20);
    const overlap = random.pick(['allow', 'skip', 'bufferAll', 'bufferAll'] as const);
    const input = { id, trigger, from: new Date(from).toISOString(), to: new Date(to).toISOString(), overlap };
    const starts = random.chance(0.2) ? 2 : 1;
    const isCancelled = random.chance(0.2);
    const cancelAfterMs = random.next() * 30_000;
    for (let count = 0; count < starts; count++) await this.#client.startBackfill(job, input);
    if (!isCancelled) return;
    await delay(this.#clock, cancelAfterMs);
    await this.#client.cancelBackfill(job, id);
  }

  /** Cancels or retries one of the latest executions. */
  async #meddle(): Promise<void> {
    const { items } = await this.#client.listExecutions({ limit: 10 });
    if (items.length === 0) return;
    const { id } = this.#random.pick(items);
    if (this.#random.chance(0.6)) await this.#client.cancelExecution(id);
    else await this.#client.retryExecution(id);
  }

  #trigger(name: string): NamedTrigger {
    const random = this.#random;
    const now = this.#clock.now();
    const { schedule, periodMs, phaseMs } = pickSchedule(random, now);
    const endAt = random.chance(0.1) ? now + Math.ceil(random.next() * 4 * periodMs) + periodMs : null;
    const jitterMs = random.chance(0.3) ? Math.ceil(random.next() * Math.min(periodMs / 2, 20_000)) : 0;
    const maxFires = random.chance(0.1) ? random.between(1, 20) : null;
    const graceMs = random.pick([1000, 5000, 60_000]);
    const table: Timetable = { periodMs, phaseMs, jitterMs, endAt, maxFires, graceMs };
    // Fixed for each name: what was queued under another policy is not judged by this one.
    const overlap = Number(name.slice(-1)) % 2 === 0 ? 'skip' : 'allow';
    const policy = random.pick(['fireOnce', 'fireAll', 'skip'] as const);
    return {
      name,
      schedule,
      overlap,
      misfire: { policy, graceMs, maxAgeMs: random.pick([60_000, HOUR_MS]), maxCount: random.between(1, 50) },
      ...(endAt === null ? {} : { endAt: new Date(endAt).toISOString() }),
      ...(jitterMs === 0 ? {} : { jitterMs }),
      ...(maxFires === null ? {} : { maxFires }),
      data: { ...table },
    };
  }

  #delay(name: string): NamedTrigger {
    const random = this.#random;
    const [least, most] = random.pick([
      [1000, 4000],
      [4000, 30_000],
      [30_000, 600_000],
    ] as const);
    const delayMs = random.between(least, most);
    const endAt = random.chance(0.1) ? this.#clock.now() + random.between(2, 20) * delayMs : null;
    const maxFires = random.chance(0.1) ? random.between(1, 20) : null;
    const graceMs = random.pick([1000, 5000, 60_000]);
    const table: DelayTable = { delayMs, endAt, maxFires, graceMs };
    const policy = random.pick(['fireOnce', 'fireAll', 'skip'] as const);
    return {
      name,
      schedule: { type: 'after', delayMs },
      misfire: { policy, graceMs },
      ...(endAt === null ? {} : { endAt: new Date(endAt).toISOString() }),
      ...(maxFires === null ? {} : { maxFires }),
      data: { ...table },
    };
  }
}

interface Chosen extends Pick<Timetable, 'periodMs' | 'phaseMs'> {
  readonly schedule: TriggerInput['schedule'];
}

/** From every few seconds to daily; what it means is written down without the product's help. */
function pickSchedule(random: Random, now: number): Chosen {
  const chosen = random.next();
  if (chosen < 0.15) return every(random.between(2, 20) * 1000, now);
  if (chosen < 0.4) return every(random.between(20, 600) * 1000 + random.between(0, 999), now);
  if (chosen < 0.5) {
    const seconds = random.pick([5, 10, 15, 30]);
    return cron(`*/${seconds} * * * * *`, seconds * 1000, 0);
  }
  if (chosen < 0.75) {
    const minutes = random.pick([1, 2, 5, 10, 15, 20, 30]);
    return cron(`*/${minutes} * * * *`, minutes * MINUTE_MS, 0);
  }
  const minute = random.between(0, 59);
  if (chosen < 0.9) return cron(`${minute} * * * *`, HOUR_MS, minute * MINUTE_MS);
  const hour = random.between(0, 23);
  return cron(`${minute} ${hour} * * *`, 24 * HOUR_MS, hour * HOUR_MS + minute * MINUTE_MS);
}

function every(everyMs: number, now: number): Chosen {
  const anchor = now - (now % 1000);
  return {
    schedule: { type: 'every', everyMs, anchor: new Date(anchor).toISOString() },
    periodMs: everyMs,
    phaseMs: anchor,
  };
}

function cron(expression: string, periodMs: number, phaseMs: number): Chosen {
  return { schedule: { type: 'cron', expression, dialect: 'unix' }, periodMs, phaseMs };
}
