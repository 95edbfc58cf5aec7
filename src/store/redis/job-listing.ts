import { jobKeyOf, splitJobKey, type Job, type JobKey } from '../../domain/job.js';
import type { JobFilter, Page } from '../job-store.js';
import type { RedisConnection } from './connection.js';
import { decodeJob } from './job-codec.js';
import type { RedisLayout } from './redis-layout.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly layout: RedisLayout;
}

/** Names looked at for one page before it is given out short, so that a filter nobody matches stays cheap. */
const NAMES_PER_PAGE = 5000;

/** Lists the jobs of a namespace by name: each shard has its own in order, and they are merged. */
export class JobListing {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The cursor is the last name looked at. */
  async list(filter: JobFilter): Promise<Page<Job>> {
    const { namespace, limit, search } = filter;
    const items: Job[] = [];
    let after = filter.cursor ?? '';
    for (let looked = 0; looked < NAMES_PER_PAGE;) {
      const names = await this.#namesAfter(namespace, after, limit + 1);
      const wanted = search === undefined ? names : names.filter((name) => name.includes(search));
      const jobs = await this.#read(wanted.map((name) => jobKeyOf(namespace, name)));
      for (const job of jobs) {
        if (job === undefined || !matches(job, filter)) continue;
        if (items.length === limit) return { items, nextCursor: after };
        items.push(job);
        after = job.name;
      }
      if (names.length <= limit) return { items };
      after = names.at(-1) ?? after;
      looked += names.length;
    }
    return { items, nextCursor: after };
  }

  async #namesAfter(namespace: string, after: string, count: number): Promise<string[]> {
    const { connection, layout } = this.#deps;
    const range = [`(${jobKeyOf(namespace, after)}`, `(${namespace}0`, 'LIMIT', 0, count] as const;
    const found = await Promise.all(
      layout.all().map((shard) => connection.send('ZRANGEBYLEX', [shard.jobNames, ...range]) as Promise<JobKey[]>),
    );
    return found
      .flat()
      .map((key) => splitJobKey(key).name)
      .sort()
      .slice(0, count);
  }

  /** In the given order; undefined where a job has gone meanwhile. */
  async #read(keys: readonly JobKey[]): Promise<(Job | undefined)[]> {
    const { connection, layout } = this.#deps;
    const byShard = new Map<number, JobKey[]>();
    for (const key of keys) {
      const shard = layout.shardOf(key);
      byShard.set(shard, [...(byShard.get(shard) ?? []), key]);
    }
    const found = new Map<JobKey, Job>();
    await Promise.all(
      [...byShard].map(async ([shard, shardKeys]) => {
        const values = (await connection.send('HMGET', [layout.keys(shard).jobs, ...shardKeys])) as (string | null)[];
        shardKeys.forEach((key, index) => {
          const value = values[index];
          const job = typeof value === 'string' ? decodeJob(key, value) : null;
          if (job !== null) found.set(key, job);
        });
      }),
    );
    return keys.map((key) => found.get(key));
  }
}

function matches(job: Job, { paused, label }: JobFilter): boolean {
  if (paused !== undefined && (job.pause !== undefined) !== paused) return false;
  if (label === undefined) return true;
  const equals = label.indexOf('=');
  const name = equals === -1 ? label : label.slice(0, equals);
  return Object.hasOwn(job.labels, name) && (equals === -1 || job.labels[name] === label.slice(equals + 1));
}
