import { ConflictError, InvariantError, NotFoundError } from '../../domain/errors.js';
import type { Job, JobKey } from '../../domain/job.js';
import { jobKeyOfTrigger, triggerName, type Trigger, type TriggerKey } from '../../domain/trigger.js';
import type {
  ExpectedVersion,
  JobFilter,
  JobStore,
  Page,
  PageRequest,
  PutJob,
  PutOutcome,
  TriggerWrite,
} from '../job-store.js';
import type { RedisConnection } from './connection.js';
import { decodeJob, encodeJob } from './job-codec.js';
import { JobListing } from './job-listing.js';
import type { JobSweeper } from './job-sweeper.js';
import { wakeChannel } from './keys.js';
import { canonicalJson } from './canonical-json.js';
import type { RedisLayout } from './redis-layout.js';
import { SCRIPT_CODES as CODES, type ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';
import { packTrigger } from './trigger-codec.js';
import { TriggerReader } from './trigger-reader.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly scripts: ScriptRunner<ScriptName>;
  readonly layout: RedisLayout;
  readonly sweeper: JobSweeper;
}

const OUTCOMES: ReadonlyMap<unknown, PutOutcome> = new Map([
  [CODES.CREATED, 'created'],
  [CODES.CHANGED, 'changed'],
  [CODES.UNCHANGED, 'unchanged'],
]);

/** Definitions in Redis: every write is one script on the keys of the job's shard. */
export class RedisJobStore implements JobStore {
  readonly #deps: Deps;
  readonly #listing: JobListing;
  readonly #triggers: TriggerReader;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#listing = new JobListing(deps);
    this.#triggers = new TriggerReader(deps);
  }

  get shardCount(): number {
    return this.#deps.layout.shardCount;
  }

  async putJob(put: PutJob): Promise<{ outcome: PutOutcome; job: Job }> {
    const { layout, sweeper } = this.#deps;
    const shard = layout.shardOf(put.key);
    const { jobs, jobNames, triggers, triggerNames, due, expiry } = layout.keys(shard);
    const { definitionJson, facts } = encodeJob(put.definition);
    const writes = lastOfEach(put.triggers ?? []);
    const removals = (put.removeTriggers ?? []).filter((name) => !writes.some((write) => write.name === name));
    for (;;) {
      const [code, detail] = await this.#run(
        'put_job',
        [jobs, jobNames, triggers, triggerNames, due, expiry],
        [
          put.key,
          expectedText(put.expectedVersion),
          definitionJson,
          facts,
          wakeChannel(layout.cluster, shard),
          removals.length,
          ...removals,
          ...writes.flatMap(triggerArguments),
        ],
      );
      if (code === CODES.CONFLICT) throw versionConflict(`job ${put.key}`, put.expectedVersion, Number(detail));
      // An earlier job of this name is being deleted: help, so that none of its triggers comes back to life.
      if (code === CODES.DELETING) await sweeper.sweep(put.key);
      else return { outcome: outcomeOf(code), job: jobOf(put.key, detail) };
    }
  }

  async getJob(key: JobKey): Promise<Job | null> {
    const { connection, layout } = this.#deps;
    const value = await connection.send('HGET', [layout.keys(layout.shardOf(key)).jobs, key]);
    return typeof value === 'string' ? decodeJob(key, value) : null;
  }

  listJobs(filter: JobFilter): Promise<Page<Job>> {
    return this.#listing.list(filter);
  }

  async deleteJob(key: JobKey, expectedVersion?: number): Promise<boolean> {
    const { layout, sweeper } = this.#deps;
    const { jobs, jobNames, triggers, triggerNames, due, expiry } = layout.keys(layout.shardOf(key));
    const [code, detail] = await this.#run(
      'delete_job',
      [jobs, jobNames, triggers, triggerNames, due, expiry],
      [key, expectedText(expectedVersion)],
    );
    if (code === CODES.CONFLICT) throw versionConflict(`job ${key}`, expectedVersion, Number(detail));
    if (code === CODES.DELETING) await sweeper.sweep(key);
    return code !== CODES.NOT_FOUND;
  }

  async pauseJob(key: JobKey, reason: string): Promise<Job> {
    const { layout } = this.#deps;
    const { jobs } = layout.keys(layout.shardOf(key));
    return existing(key, await this.#run('pause_job', [jobs], [key, canonicalJson(reason)]));
  }

  async resumeJob(key: JobKey): Promise<Job> {
    const { layout } = this.#deps;
    const shard = layout.shardOf(key);
    const wake = wakeChannel(layout.cluster, shard);
    return existing(key, await this.#run('resume_job', [layout.keys(shard).jobs], [key, wake]));
  }

  async putTriggers(
    job: JobKey,
    triggers: readonly TriggerWrite[],
    expectedVersion?: ExpectedVersion,
  ): Promise<readonly PutOutcome[]> {
    const { layout } = this.#deps;
    const shard = layout.shardOf(job);
    const keys = layout.keys(shard);
    const writes = lastOfEach(triggers);
    const [code, ...rest] = await this.#run(
      'put_triggers',
      [keys.jobs, keys.triggers, keys.triggerNames, keys.due, keys.expiry],
      [job, expectedText(expectedVersion), wakeChannel(layout.cluster, shard), ...writes.flatMap(triggerArguments)],
    );
    if (code === CODES.NOT_FOUND) throw jobNotFound(job);
    if (code === CODES.CONFLICT) throw versionConflict(`a trigger of job ${job}`, expectedVersion, Number(rest[0]));
    const outcomes = new Map(writes.map((write, index) => [write.name, outcomeOf(rest[index])]));
    return triggers.map(({ name }) => outcomes.get(name) ?? 'unchanged');
  }

  async getTrigger(key: TriggerKey): Promise<Trigger | null> {
    const [trigger] = await this.#triggers.read(jobKeyOfTrigger(key), [key]);
    return trigger ?? null;
  }

  listTriggers(job: JobKey, page: PageRequest): Promise<Page<Trigger>> {
    return this.#triggers.list(job, page);
  }

  countTriggers(job: JobKey): Promise<number> {
    return this.#triggers.count(job);
  }

  async deleteTrigger(key: TriggerKey, expectedVersion?: number): Promise<boolean> {
    const { layout } = this.#deps;
    const job = jobKeyOfTrigger(key);
    const { triggers, triggerNames, due, expiry } = layout.keys(layout.shardOf(job));
    const [code, version] = await this.#run(
      'delete_trigger',
      [triggers, triggerNames, due, expiry],
      [job, triggerName(key), expectedText(expectedVersion)],
    );
    if (code === CODES.CONFLICT) throw versionConflict(`trigger ${key}`, expectedVersion, Number(version));
    return code === CODES.DELETED;
  }

  async #run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown[]> {
    return (await this.#deps.scripts.run(name, keys, args)) as unknown[];
  }
}

function triggerArguments({ name, definition, watermark, next }: TriggerWrite): (string | number)[] {
  return [name, packTrigger(definition), watermark, next === null ? '' : next.dueAt];
}

/** Where a name comes twice in one call, the last write stands for all. */
function lastOfEach(writes: readonly TriggerWrite[]): TriggerWrite[] {
  return [...new Map(writes.map((write) => [write.name, write])).values()];
}

function expectedText(expected: ExpectedVersion): string | number {
  return expected === undefined ? '' : (expected ?? 0);
}

function outcomeOf(code: unknown): PutOutcome {
  const outcome = OUTCOMES.get(code);
  if (outcome === undefined) throw new InvariantError(`unexpected code ${String(code)} of a put script`);
  return outcome;
}

function existing(key: JobKey, [code, record]: readonly unknown[]): Job {
  if (code === CODES.NOT_FOUND) throw jobNotFound(key);
  return jobOf(key, record);
}

function jobOf(key: JobKey, record: unknown): Job {
  const job = decodeJob(key, String(record));
  if (job === null) throw new InvariantError(`job ${key} was written and is being deleted`);
  return job;
}

function jobNotFound(key: JobKey): NotFoundError {
  return new NotFoundError('CJ_JOB_NOT_FOUND', `there is no job ${key}`, { job: key });
}

/** `stored` 0 = nothing is there. */
function versionConflict(what: string, expected: ExpectedVersion, stored: number): ConflictError {
  const actual = stored === 0 ? null : stored;
  return new ConflictError(
    'CJ_VERSION_CONFLICT',
    `${what} has version ${actual ?? 'none'}, not ${expected ?? 'none'}`,
    { expected, actual },
  );
}
