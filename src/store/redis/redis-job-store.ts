import { ConflictError, InvariantError, NotFoundError } from '../../domain/errors.js';
import { partitionedProblem, type Job, type JobKey } from '../../domain/job.js';
import { shardOfSpreadTrigger } from '../../domain/placement.js';
import type { ShardId } from '../../domain/shard.js';
import {
  DEFAULT_TRIGGER,
  jobKeyOfTrigger,
  triggerKeyOf,
  triggerName,
  type Trigger,
  type TriggerKey,
} from '../../domain/trigger.js';
import type {
  ExpectedVersion,
  JobFilter,
  JobStore,
  Page,
  PageRequest,
  PutCondition,
  PutJob,
  PutOutcome,
  TriggerWrite,
} from '../job-store.js';
import { dueConflict } from '../job-refusals.js';
import type { RedisConnection } from './connection.js';
import { decodeJob, encodeJob, isPartitionedRecord } from './job-codec.js';
import type { JobCopies } from './job-copies.js';
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
  readonly copies: JobCopies;
}

/** Jobs known to be partitioned are remembered up to this number. */
const MAX_KNOWN = 1000;

const OUTCOMES: ReadonlyMap<unknown, PutOutcome> = new Map([
  [CODES.CREATED, 'created'],
  [CODES.CHANGED, 'changed'],
  [CODES.UNCHANGED, 'unchanged'],
]);

/**
 * Definitions in Redis: every write is one script on the keys of the job's shard. What is written of a partitioned
 * job is then spread to its copies in the other shards (`JobCopies`).
 */
export class RedisJobStore implements JobStore {
  readonly #deps: Deps;
  readonly #listing: JobListing;
  readonly #triggers: TriggerReader;
  /** A hint that saves the way to the home of a job; the scripts refuse where it is wrong. */
  readonly #partitioned = new Set<JobKey>();

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
    checkPlace(put);
    const removals = (put.removeTriggers ?? []).filter((name) => !writes.some((write) => write.name === name));
    for (;;) {
      const [code, detail, ...more] = await this.#run(
        'put_job',
        [jobs, jobNames, triggers, triggerNames, due, expiry],
        [
          put.key,
          expectedText(put.expectedVersion),
          definitionJson,
          facts,
          wakeChannel(layout.cluster, shard),
          put.ifDecided === true ? 1 : '',
          removals.length,
          ...removals,
          ...writes.flatMap(triggerArguments),
        ],
      );
      if (code === CODES.CONFLICT) throw versionConflict(`job ${put.key}`, put.expectedVersion, Number(detail));
      if (code === CODES.DUE) throw dueConflict([String(detail) as TriggerKey, ...(more as TriggerKey[])]);
      // An earlier job of this name is being deleted: help, so that none of its triggers comes back to life.
      if (code === CODES.DELETING) await sweeper.sweep(put.key);
      else if (code === CODES.MISPLACED) throw partitionedProblem(put.definition);
      else return { outcome: outcomeOf(code), job: await this.#spread(put.key, detail) };
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
    return this.#spread(key, existing(key, await this.#run('pause_job', [jobs], [key, canonicalJson(reason)])));
  }

  async resumeJob(key: JobKey): Promise<Job> {
    const { layout } = this.#deps;
    const shard = layout.shardOf(key);
    const wake = wakeChannel(layout.cluster, shard);
    return this.#spread(key, existing(key, await this.#run('resume_job', [layout.keys(shard).jobs], [key, wake])));
  }

  refreshCopies(shard: ShardId): Promise<number> {
    return this.#deps.copies.refresh(shard);
  }

  async putTriggers(
    job: JobKey,
    triggers: readonly TriggerWrite[],
    condition: PutCondition = {},
  ): Promise<readonly PutOutcome[]> {
    const outcomes = new Map<string, PutOutcome>();
    for (let writes = lastOfEach(triggers); ;) {
      const isSpread = this.#partitioned.has(job);
      const groups = [...this.#byShard(job, writes, isSpread)];
      const written = await Promise.all(
        groups.map(([shard, group]) => this.#putInto(shard, { job, writes: group, isSpread }, condition)),
      );
      for (const [index, [code, ...rest]] of written.entries()) {
        const { expectedVersion } = condition;
        if (code === CODES.CONFLICT) throw versionConflict(`a trigger of job ${job}`, expectedVersion, Number(rest[0]));
        if (code === CODES.DUE) throw dueConflict(rest as TriggerKey[]);
        if (code === CODES.OK) groups[index]?.[1].forEach(({ name }, i) => outcomes.set(name, outcomeOf(rest[i])));
      }
      if (written.every(([code]) => code === CODES.OK))
        return triggers.map(({ name }) => outcomes.get(name) as PutOutcome);
      const lacking = groups.filter((_, index) => written[index]?.[0] !== CODES.OK).map(([shard]) => shard);
      writes = writes.filter(({ name }) => !outcomes.has(name));
      await this.#help(job, lacking);
    }
  }

  async getTrigger(key: TriggerKey): Promise<Trigger | null> {
    for (const shard of this.#placesOf(key)) {
      const [trigger] = await this.#triggers.read(shard, [key]);
      if (trigger !== undefined) return trigger;
    }
    return null;
  }

  listTriggers(job: JobKey, page: PageRequest): Promise<Page<Trigger>> {
    return this.#triggers.list(job, page);
  }

  countTriggers(job: JobKey): Promise<number> {
    return this.#triggers.count(job);
  }

  async deleteTrigger(key: TriggerKey, expectedVersion?: number): Promise<boolean> {
    for (const shard of this.#placesOf(key)) {
      const { triggers, triggerNames, due, expiry } = this.#deps.layout.keys(shard);
      const [code, version] = await this.#run(
        'delete_trigger',
        [triggers, triggerNames, due, expiry],
        [jobKeyOfTrigger(key), triggerName(key), expectedText(expectedVersion)],
      );
      if (code === CODES.CONFLICT) throw versionConflict(`trigger ${key}`, expectedVersion, Number(version));
      if (code === CODES.DELETED) return true;
    }
    return false;
  }

  /** Where a trigger may be: with its job, or spread. The job need not be read to find it. */
  #placesOf(key: TriggerKey): ReadonlySet<ShardId> {
    const home = this.#deps.layout.shardOf(jobKeyOfTrigger(key));
    const spread = shardOfSpreadTrigger(key, this.shardCount);
    return new Set(this.#partitioned.has(jobKeyOfTrigger(key)) ? [spread, home] : [home, spread]);
  }

  #byShard(job: JobKey, writes: readonly TriggerWrite[], isSpread: boolean): Map<ShardId, TriggerWrite[]> {
    if (!isSpread) return new Map([[this.#deps.layout.shardOf(job), [...writes]]]);
    const groups = new Map<ShardId, TriggerWrite[]>();
    for (const write of writes) {
      const shard = shardOfSpreadTrigger(triggerKeyOf(job, write.name), this.shardCount);
      const group = groups.get(shard);
      if (group === undefined) groups.set(shard, [write]);
      else group.push(write);
    }
    return groups;
  }

  #putInto(
    shard: ShardId,
    { job, writes, isSpread }: { job: JobKey; writes: readonly TriggerWrite[]; isSpread: boolean },
    { expectedVersion, ifDecided }: PutCondition,
  ): Promise<unknown[]> {
    const { layout } = this.#deps;
    const { jobs, triggers, triggerNames, due, expiry } = layout.keys(shard);
    const wake = wakeChannel(layout.cluster, shard);
    return this.#run(
      'put_triggers',
      [jobs, triggers, triggerNames, due, expiry],
      [
        ...[job, expectedText(expectedVersion), wake, isSpread ? 1 : '', ifDecided === true ? 1 : ''],
        ...writes.flatMap(triggerArguments),
      ],
    );
  }

  /** Some shards have no copy of the job, or it is partitioned and was not thought to be, or the other way round. */
  async #help(job: JobKey, shards: readonly ShardId[]): Promise<void> {
    const { copies, layout } = this.#deps;
    const home = layout.shardOf(job);
    const record = await copies.spread(
      job,
      shards.filter((shard) => shard !== home),
    );
    if (record === null || decodeJob(job, record) === null) {
      this.#partitioned.delete(job);
      throw jobNotFound(job);
    }
    this.#remember(job, record);
  }

  /** Resolves when the copies of a job that was written say what it says. */
  async #spread(key: JobKey, written: unknown): Promise<Job> {
    const record = String(written);
    this.#remember(key, record);
    if (isPartitionedRecord(record)) await this.#deps.copies.spread(key);
    return jobOf(key, record);
  }

  #remember(job: JobKey, record: string): void {
    this.#partitioned.delete(job);
    if (!isPartitionedRecord(record)) return;
    this.#partitioned.add(job);
    const [oldest] = this.#partitioned;
    if (this.#partitioned.size > MAX_KNOWN && oldest !== undefined) this.#partitioned.delete(oldest);
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

/** Errors: `CJ_INVARIANT` for triggers that cannot be written in the transition of their partitioned job. */
function checkPlace({ key, definition, triggers = [], removeTriggers = [] }: PutJob): void {
  if (definition.partitioned !== true) return;
  const other = [...triggers.map(({ name }) => name), ...removeTriggers].find((name) => name !== DEFAULT_TRIGGER);
  if (other !== undefined) throw new InvariantError(`trigger ${key}/${other} is not in the shard of its job`);
}

function existing(key: JobKey, [code, record]: readonly unknown[]): unknown {
  if (code === CODES.NOT_FOUND) throw jobNotFound(key);
  return record;
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
