import { isDeepStrictEqual } from 'node:util';
import { ConflictError, NotFoundError } from '../../domain/errors.js';
import {
  jobKeyOf,
  partitionedProblem,
  splitJobKey,
  type Job,
  type JobDefinition,
  type JobKey,
} from '../../domain/job.js';
import { shardOfTrigger } from '../../domain/placement.js';
import { shardOfJob, type ShardId } from '../../domain/shard.js';
import { jobKeyOfTrigger, triggerKeyOf, triggerName, type Trigger, type TriggerKey } from '../../domain/trigger.js';
import type { Clock } from '../../runtime/clock.js';
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
import type { MemoryShard, StoredJob } from './memory-shard.js';
import { ScoredSet } from './scored-set.js';

export class MemoryJobStore implements JobStore {
  readonly #shards: readonly MemoryShard[];
  readonly #clock: Clock;

  constructor({ shards, clock }: { shards: readonly MemoryShard[]; clock: Clock }) {
    this.#shards = shards;
    this.#clock = clock;
  }

  get shardCount(): number {
    return this.#shards.length;
  }

  async putJob(put: PutJob): Promise<{ outcome: PutOutcome; job: Job }> {
    const shard = this.#shardOf(put.key);
    const stored = shard.jobs.get(put.key);
    if (stored !== undefined && isRepeated(put, stored)) {
      return { outcome: 'changed', job: stored.job };
    }
    checkVersion(`job ${put.key}`, put.expectedVersion, stored?.job.version);
    if (stored !== undefined && stored.job.partitioned !== put.definition.partitioned) {
      throw partitionedProblem(put.definition);
    }
    if (put.ifDecided === true && stored !== undefined) this.#checkDecided(shard, stored, put.triggers ?? []);
    const target: StoredJob = stored ?? {
      job: newJob(put, this.#clock.now()),
      triggers: new Map(),
      names: new ScoredSet(),
    };
    this.#store(put.key, target);
    const removed = (put.removeTriggers ?? []).filter((name) => shard.removeTrigger(triggerKeyOf(put.key, name)));
    const written = writeTriggers(shard, target, put.triggers ?? []);
    if (stored === undefined) return { outcome: 'created', job: target.job };
    const isChanged =
      removed.length > 0 ||
      written.some((outcome) => outcome !== 'unchanged') ||
      !isSame(definitionOf(stored.job), put.definition);
    if (isChanged) stored.job = changedJob(stored.job, put.definition, this.#clock.now());
    return { outcome: isChanged ? 'changed' : 'unchanged', job: stored.job };
  }

  async getJob(key: JobKey): Promise<Job | null> {
    return this.#shardOf(key).jobs.get(key)?.job ?? null;
  }

  async listJobs(filter: JobFilter): Promise<Page<Job>> {
    const found = this.#shards
      .flatMap((shard) => [...shard.jobs].filter(([key]) => shard === this.#shardOf(key)))
      .map(([, stored]) => stored.job)
      .filter((job) => matches(job, filter));
    return pageOf(
      found.sort((a, b) => (a.name < b.name ? -1 : 1)),
      (job) => job.name,
      filter,
    );
  }

  async deleteJob(key: JobKey, expectedVersion?: number): Promise<boolean> {
    const stored = this.#shardOf(key).jobs.get(key);
    if (stored === undefined) return false;
    checkVersion(`job ${key}`, expectedVersion, stored.job.version);
    for (const shard of this.#shards) {
      for (const trigger of [...(shard.jobs.get(key)?.triggers.values() ?? [])]) shard.removeTrigger(trigger.key);
      shard.jobs.delete(key);
    }
    return true;
  }

  async pauseJob(key: JobKey, reason: string): Promise<Job> {
    const stored = this.#existing(key);
    const now = this.#clock.now();
    if (stored.job.pause === undefined) {
      stored.job = { ...stored.job, pause: { since: now, reason }, version: stored.job.version + 1, updatedAt: now };
    }
    return stored.job;
  }

  async resumeJob(key: JobKey): Promise<Job> {
    const stored = this.#existing(key);
    const { pause, ...rest } = stored.job;
    const now = this.#clock.now();
    if (pause !== undefined) stored.job = { ...rest, resumedAt: now, version: rest.version + 1, updatedAt: now };
    return stored.job;
  }

  async putTriggers(
    job: JobKey,
    triggers: readonly TriggerWrite[],
    condition: PutCondition = {},
  ): Promise<readonly PutOutcome[]> {
    const owner = this.#existing(job);
    const byShard = new Map<MemoryShard, TriggerWrite[]>();
    for (const write of triggers) {
      const shard = this.#shardOfTrigger(owner, write.name);
      byShard.set(shard, [...(byShard.get(shard) ?? []), write]);
    }
    const outcomes = new Map<TriggerWrite, PutOutcome>();
    for (const [shard, writes] of byShard) {
      const stored = shard.jobs.get(job) as StoredJob;
      const known = checkedVersions(stored, writes, condition.expectedVersion);
      if (known === undefined && condition.ifDecided === true) this.#checkDecided(shard, stored, writes);
      const written = known ?? writeTriggers(shard, stored, writes);
      writes.forEach((write, index) => outcomes.set(write, written[index] ?? 'unchanged'));
    }
    return triggers.map((write) => outcomes.get(write) ?? 'unchanged');
  }

  async getTrigger(key: TriggerKey): Promise<Trigger | null> {
    return this.#shardWith(key)?.trigger(key) ?? null;
  }

  /** The cursor is the number of a shard and the last name taken in it. */
  async listTriggers(job: JobKey, { cursor = '0/', limit }: PageRequest): Promise<Page<Trigger>> {
    const [shard = '', after = ''] = cursor.split('/');
    const items: Trigger[] = [];
    for (const { id, jobs } of this.#shards.slice(Number(shard))) {
      const stored = jobs.get(job);
      // No name is empty, so the first page starts behind the empty one.
      const from = { score: 0, member: id === Number(shard) ? after : '' };
      for (const { member } of stored?.names.after(from, limit + 1 - items.length) ?? []) {
        const last = items.at(-1);
        if (items.length === limit && last !== undefined) {
          return { items, nextCursor: `${this.#shardWith(last.key)?.id ?? id}/${triggerName(last.key)}` };
        }
        items.push(stored?.triggers.get(member) as Trigger);
      }
    }
    return { items };
  }

  async countTriggers(job: JobKey): Promise<number> {
    return this.#shards.reduce((sum, shard) => sum + (shard.jobs.get(job)?.triggers.size ?? 0), 0);
  }

  /** A copy shows the job itself: none can be wrong. */
  async refreshCopies(): Promise<number> {
    return 0;
  }

  async deleteTrigger(key: TriggerKey, expectedVersion?: number): Promise<boolean> {
    const shard = this.#shardWith(key);
    if (shard === undefined) return false;
    const trigger = shard.trigger(key);
    if (trigger === undefined) return false;
    checkVersion(`trigger ${key}`, expectedVersion, trigger.state.version);
    return shard.removeTrigger(key);
  }

  #checkDecided(shard: MemoryShard, { triggers }: StoredJob, writes: readonly TriggerWrite[]): void {
    const now = this.#clock.now();
    const replaced = writes.map(({ name, definition }) => ({ old: triggers.get(name), definition }));
    const due = replaced.flatMap(({ old, definition }) => {
      const isDue = old !== undefined && (shard.due.score(old.key) ?? Infinity) <= now;
      return isDue && !isSame(old.definition, definition) ? [old.key] : [];
    });
    if (due.length > 0) throw dueConflict(due);
  }

  #existing(key: JobKey): StoredJob {
    const stored = this.#shardOf(key).jobs.get(key);
    if (stored === undefined) throw new NotFoundError('CJ_JOB_NOT_FOUND', `there is no job ${key}`, { job: key });
    return stored;
  }

  /** A copy of a partitioned job in another shard has triggers of its own, and shows what the job is now. */
  #store(key: JobKey, stored: StoredJob): void {
    this.#shardOf(key).jobs.set(key, stored);
    if (stored.job.partitioned !== true) return;
    const copyOf = () => ({ triggers: new Map<string, Trigger>(), names: new ScoredSet<string>() });
    for (const { jobs } of this.#shards) {
      if (!jobs.has(key)) jobs.set(key, Object.defineProperty(copyOf(), 'job', { get: () => stored.job }) as StoredJob);
    }
  }

  #shardOf(job: JobKey): MemoryShard {
    return this.#shard(shardOfJob(job, this.#shards.length));
  }

  #shardOfTrigger({ job }: StoredJob, name: string): MemoryShard {
    const key = triggerKeyOf(jobKeyOf(job.namespace, job.name), name);
    return this.#shard(shardOfTrigger(key, job, this.#shards.length));
  }

  /** Undefined when there is no such job. */
  #shardWith(key: TriggerKey): MemoryShard | undefined {
    const job = jobKeyOfTrigger(key);
    const stored = this.#shardOf(job).jobs.get(job);
    return stored === undefined ? undefined : this.#shardOfTrigger(stored, triggerName(key));
  }

  #shard(id: ShardId): MemoryShard {
    return this.#shards[id] as MemoryShard;
  }
}

/** The outcomes where this very call was applied before. Errors: `CJ_VERSION_CONFLICT`. */
function checkedVersions(
  stored: StoredJob,
  writes: readonly TriggerWrite[],
  expectedVersion: ExpectedVersion,
): PutOutcome[] | undefined {
  const known = repeatedTriggers(stored, writes, expectedVersion);
  if (known !== undefined) return known;
  for (const { name } of writes) {
    const { namespace, name: job } = stored.job;
    checkVersion(`trigger ${namespace}/${job}/${name}`, expectedVersion, stored.triggers.get(name)?.state.version);
  }
  return undefined;
}

function newJob({ key, definition }: PutJob, now: number): Job {
  return { ...structuredClone(definition), ...splitJobKey(key), version: 1, createdAt: now, updatedAt: now };
}

function changedJob(job: Job, definition: JobDefinition, now: number): Job {
  const { namespace, name, version, createdAt, pause, resumedAt } = job;
  return {
    ...structuredClone(definition),
    ...{ namespace, name, createdAt, version: version + 1, updatedAt: now },
    ...(pause === undefined ? {} : { pause }),
    ...(resumedAt === undefined ? {} : { resumedAt }),
  };
}

function definitionOf(job: Job): JobDefinition {
  const { namespace: _n, name: _m, version: _v, createdAt: _c, updatedAt: _u, pause: _p, resumedAt: _r, ...rest } = job;
  return rest;
}

function writeTriggers(shard: MemoryShard, stored: StoredJob, writes: readonly TriggerWrite[]): PutOutcome[] {
  const outcomes = writes.map((write) => writeTrigger(shard, stored, write));
  if (outcomes.some((outcome) => outcome !== 'unchanged')) shard.announceTriggers();
  return outcomes;
}

function writeTrigger(shard: MemoryShard, stored: StoredJob, write: TriggerWrite): PutOutcome {
  const old = stored.triggers.get(write.name);
  if (old !== undefined && isSame(old.definition, write.definition)) return 'unchanged';
  const { namespace, name } = stored.job;
  const trigger: Trigger = {
    key: triggerKeyOf(`${namespace}/${name}`, write.name),
    definition: structuredClone(write.definition),
    state: {
      ...(old?.state ?? { fireCount: 0 }),
      version: (old?.state.version ?? 0) + 1,
      watermark: Math.max(old?.state.watermark ?? write.watermark, write.watermark),
    },
    ...(write.next === null ? {} : { dueAt: write.next.dueAt }),
  };
  shard.putTrigger(stored, trigger);
  return old === undefined ? 'created' : 'changed';
}

function checkVersion(what: string, expected: ExpectedVersion, actual: number | undefined): void {
  if (expected === undefined || expected === (actual ?? null)) return;
  throw new ConflictError('CJ_VERSION_CONFLICT', `${what} has version ${actual ?? 'none'}, not ${expected ?? 'none'}`, {
    expected,
    actual: actual ?? null,
  });
}

/** The next version with all that the call writes: the answer to it was lost. Who asks for a new one is told. */
function isRepeated({ expectedVersion, definition, triggers = [], removeTriggers = [] }: PutJob, stored: StoredJob) {
  if (!isNext(expectedVersion, stored.job.version) || !isSame(definitionOf(stored.job), definition)) return false;
  const isGone = (name: string): boolean => !stored.triggers.has(name) || triggers.some((write) => write.name === name);
  return areWritten(stored, triggers) && removeTriggers.every(isGone);
}

/** As `isRepeated`, with the outcomes that were lost. */
function repeatedTriggers(
  stored: StoredJob,
  triggers: readonly TriggerWrite[],
  expected: ExpectedVersion,
): PutOutcome[] | undefined {
  if (typeof expected !== 'number' || !areWritten(stored, triggers)) return undefined;
  const versions = triggers.map(({ name }) => stored.triggers.get(name)?.state.version ?? 0);
  const isNextOrSame = (version: number): boolean => isNext(expected, version) || version === expected;
  if (!versions.every(isNextOrSame) || versions.every((version) => version === expected)) return undefined;
  return versions.map((version) => (version === expected ? 'unchanged' : 'changed'));
}

function isNext(expected: ExpectedVersion, version: number): boolean {
  return typeof expected === 'number' && version === expected + 1;
}

function areWritten(stored: StoredJob, writes: readonly TriggerWrite[]): boolean {
  return writes.every(({ name, definition }) => isSame(stored.triggers.get(name)?.definition ?? null, definition));
}

/** Equal as JSON: a field that is undefined is a field that is not there. */
function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b) || isDeepStrictEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
}

function matches(job: Job, filter: JobFilter): boolean {
  if (job.namespace !== filter.namespace) return false;
  if (filter.paused !== undefined && (job.pause !== undefined) !== filter.paused) return false;
  if (filter.search !== undefined && !job.name.includes(filter.search)) return false;
  return filter.label === undefined || hasLabel(job.labels, filter.label);
}

function hasLabel(labels: Readonly<Record<string, string>>, label: string): boolean {
  const equals = label.indexOf('=');
  if (equals === -1) return Object.hasOwn(labels, label);
  const key = label.slice(0, equals);
  return Object.hasOwn(labels, key) && labels[key] === label.slice(equals + 1);
}

/** `sorted` ascending by `keyOf`, which is also the cursor. */
function pageOf<T>(sorted: readonly T[], keyOf: (item: T) => string, page: PageRequest): Page<T> {
  const { cursor, limit } = page;
  const rest = cursor === undefined ? sorted : sorted.filter((item) => keyOf(item) > cursor);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return rest.length > limit && last !== undefined ? { items, nextCursor: keyOf(last) } : { items };
}
