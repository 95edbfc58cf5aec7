import type { CompiledCalendar } from '../domain/calendar.js';
import { ConflictError, NotFoundError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { jobKeyOf, type Job, type JobKey } from '../domain/job.js';
import { DEFAULT_TRIGGER, triggerKeyOf, type Trigger, type TriggerDefinition } from '../domain/trigger.js';
import type { ExpectedVersion, JobStore, Page, PutOutcome, TriggerWrite } from '../store/job-store.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { JobQuery, WriteOptions } from './job-client.js';
import { parseJobInput, withoutReadOnly, type ParsedJob } from './job-input.js';
import { mergePatch } from './merge-patch.js';
import { checkedName, jobQuerySchema } from './queries.js';
import type { StoreCalendars } from './store-calendars.js';
import { triggerWrite } from './trigger-write.js';
import type { UndecidedTimes } from './undecided-times.js';
import { jobView } from './view-of.js';
import type { JobView } from './views.js';

export interface StoreJobsDeps {
  readonly jobs: JobStore;
  readonly clusterClock: ClusterClock;
  readonly calendars: StoreCalendars;
  readonly undecided: UndecidedTimes;
}

/** How often a patch without a version is applied anew because somebody else wrote in between. */
const PATCH_TRIES = 5;

/** The jobs of one namespace, over the store. Contract: `JobClient`. */
export class StoreJobs {
  readonly #deps: StoreJobsDeps;
  readonly #namespace: string;

  constructor(deps: StoreJobsDeps, config: { namespace: string }) {
    this.#deps = deps;
    this.#namespace = config.namespace;
  }

  keyOf(name: string): JobKey {
    return jobKeyOf(this.#namespace, checkedName('job', name));
  }

  /** Errors: `CJ_JOB_NOT_FOUND`. */
  async existing(key: JobKey): Promise<Job> {
    const job = await this.#deps.jobs.getJob(key);
    if (job === null) throw new NotFoundError('CJ_JOB_NOT_FOUND', `there is no job ${key}`, { job: key });
    return job;
  }

  async put(input: unknown, options: WriteOptions): Promise<{ outcome: PutOutcome; job: JobView }> {
    const name = nameOf(input);
    const [stored, inline] = name === undefined ? [null, null] : await this.#read(this.keyOf(name));
    return this.#write(parseJobInput(input, stored), inline, options.ifVersion);
  }

  async patch(name: string, patch: unknown, options: WriteOptions): Promise<JobView> {
    const key = this.keyOf(name);
    for (let tries = 1; ; tries++) {
      const [stored, inline] = await this.#read(key);
      if (stored === null) throw new NotFoundError('CJ_JOB_NOT_FOUND', `there is no job ${key}`, { job: key });
      const input = { ...mergePatch(withoutReadOnly(jobView(stored, inline, 0)), patch), name };
      const expected = options.ifVersion === undefined ? stored.version : options.ifVersion;
      try {
        return (await this.#write(parseJobInput(input, stored), inline, expected)).job;
      } catch (error) {
        const isRace = error instanceof ConflictError && error.code === 'CJ_VERSION_CONFLICT';
        if (!isRace || options.ifVersion !== undefined || tries === PATCH_TRIES) throw error;
      }
    }
  }

  async get(name: string): Promise<JobView> {
    return this.#view(await this.existing(this.keyOf(name)));
  }

  async list(query: JobQuery): Promise<Page<JobView>> {
    const { state, q, label, cursor, limit } = parseInput(jobQuerySchema, query);
    const page = await this.#deps.jobs.listJobs({
      namespace: this.#namespace,
      paused: state === undefined ? undefined : state === 'paused',
      search: q,
      ...{ label, cursor, limit },
    });
    return { ...page, items: await Promise.all(page.items.map((job) => this.#view(job))) };
  }

  async delete(name: string, options: WriteOptions): Promise<void> {
    const key = this.keyOf(name);
    const wasThere = await this.#deps.jobs.deleteJob(key, options.ifVersion ?? undefined);
    if (!wasThere) throw new NotFoundError('CJ_JOB_NOT_FOUND', `there is no job ${key}`, { job: key });
  }

  async pause(name: string, reason: string): Promise<JobView> {
    return this.#view(await this.#deps.jobs.pauseJob(this.keyOf(name), reason));
  }

  async resume(name: string): Promise<JobView> {
    return this.#view(await this.#deps.jobs.resumeJob(this.keyOf(name)));
  }

  async #write(
    { name, definition, inline }: ParsedJob,
    stored: Trigger | null,
    expectedVersion: ExpectedVersion,
  ): Promise<{ outcome: PutOutcome; job: JobView }> {
    const key = jobKeyOf(this.#namespace, name);
    const lookup = this.#deps.calendars.lookup();
    const calendars = inline === undefined ? [] : await lookup.of(inline);
    const { outcome, job } = await this.#deps.undecided.settledFor('replaced', ({ ifDecided }) => {
      const triggers = inline === undefined ? undefined : this.#inlineWrite(key, inline, { stored, calendars });
      const change = triggers === undefined ? { removeTriggers: [DEFAULT_TRIGGER] } : { triggers };
      return this.#deps.jobs.putJob({ key, definition, expectedVersion, ifDecided, ...change });
    });
    await lookup.confirm();
    return { outcome, job: await this.#view(job) };
  }

  /** A pause of the trigger is the operator's: declaring the job again does not end it. */
  #inlineWrite(
    key: JobKey,
    inline: TriggerDefinition,
    { stored, calendars }: { readonly stored: Trigger | null; readonly calendars: readonly CompiledCalendar[] },
  ): readonly TriggerWrite[] {
    const definition: TriggerDefinition = stored?.definition.paused === true ? { ...inline, paused: true } : inline;
    const write = triggerWrite(triggerKeyOf(key, DEFAULT_TRIGGER), definition, {
      now: this.#deps.clusterClock.now(),
      stored,
      calendars,
    });
    return write === null ? [] : [write];
  }

  #read(key: JobKey): Promise<[Job | null, Trigger | null]> {
    const { jobs } = this.#deps;
    return Promise.all([jobs.getJob(key), jobs.getTrigger(triggerKeyOf(key, DEFAULT_TRIGGER))]);
  }

  async #view(job: Job): Promise<JobView> {
    const key = jobKeyOf(job.namespace, job.name);
    const [inline, triggerCount] = await Promise.all([
      this.#deps.jobs.getTrigger(triggerKeyOf(key, DEFAULT_TRIGGER)),
      this.#deps.jobs.countTriggers(key),
    ]);
    return jobView(job, inline, triggerCount);
  }
}

function nameOf(input: unknown): string | undefined {
  const name = typeof input === 'object' && input !== null && 'name' in input ? input.name : undefined;
  return typeof name === 'string' ? name : undefined;
}
