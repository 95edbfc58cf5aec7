import { CloudJobError } from '../../src/domain/errors.js';
import type { TriggerInput } from '../../src/domain/trigger.js';
import type { StoreClient } from '../../src/client/store-client.js';
import { Random } from '../faults/random.js';
import { HANDLER } from './members.js';
import type { SimProcess } from './sim-process.js';
import type { Simulation } from './simulation.js';
import type { Timetable } from './timetable.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

type NamedTrigger = TriggerInput & { readonly name: string };

/** What is defined, changed, run and deleted in the course of a run. */
export class Workload {
  readonly #sim: Simulation;
  /** Of its own: what is asked for by a seed stays the same when the product makes one call more. */
  readonly #random: Random;
  readonly #client: StoreClient;
  readonly #clock: SimProcess;
  readonly #jobs: readonly string[];
  readonly #triggersPerJob: number;
  #isOver = false;
  operations = 0;

  constructor(
    deps: { readonly sim: Simulation; readonly client: StoreClient; readonly clock: SimProcess },
    config: { readonly jobs: number; readonly triggers: number },
  ) {
    this.#sim = deps.sim;
    this.#random = new Random(deps.sim.seed ^ 0x6ed9eba1);
    this.#client = deps.client;
    this.#clock = deps.clock;
    this.#jobs = Array.from({ length: config.jobs }, (_, index) => `job-${index}`);
    this.#triggersPerJob = Math.ceil(config.triggers / config.jobs);
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
    });
    const names = Array.from({ length: this.#triggersPerJob }, (_, index) => `trigger-${index}`);
    await this.#client.putTriggers(
      job,
      names.map((name) => this.#trigger(name)),
    );
  }

  #change(): Promise<unknown> {
    const random = this.#random;
    const client = this.#client;
    const job = random.pick(this.#jobs);
    const trigger = `trigger-${random.between(0, this.#triggersPerJob - 1)}`;
    const chosen = random.next();
    if (chosen < 0.3) return client.putTrigger(job, this.#trigger(trigger));
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
