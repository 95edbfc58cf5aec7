import type { JobKey } from '../../domain/job.js';
import type { ShardId } from '../../domain/shard.js';
import type { RedisConnection } from './connection.js';
import { isMark, isPartitionedRecord } from './job-codec.js';
import { wakeChannel } from './keys.js';
import type { RedisLayout } from './redis-layout.js';
import { SCRIPT_CODES as CODES, type ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';
import type { ShardSweep } from './shard-sweep.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly scripts: ScriptRunner<ScriptName>;
  readonly layout: RedisLayout;
  readonly shardSweep: ShardSweep;
}

/** Longer than any writer can have been under way that has read the job before it was deleted. */
const MARK_MS = 3_600_000;
/** Copies looked at in one step of a refresh. */
const STEP = 100;

/**
 * A partitioned job has its record in its own shard, its home, which alone is the truth, and a copy of it in every
 * other shard, where scripts read it beside the triggers that live there. One rule keeps a copy from going back:
 * it is read first, the home after it, and it is replaced only if it still is what was read.
 *
 * A deletion marks the home, then the copies, sweeps all shards and removes the mark of the home last. The marks of
 * the copies stay for an hour, so that a writer that has read the job before finds another copy than it expects.
 */
export class JobCopies {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Makes the copies in these shards (absent = all others) say what the home says. Resolves with the record of the
   * home that they have, or with what ended it: a home that is gone, marked or not partitioned.
   */
  async spread(job: JobKey, shards: readonly ShardId[] = this.#othersOf(job)): Promise<string | null> {
    for (let behind = shards; ;) {
      const copies = await Promise.all(behind.map((shard) => this.#read(shard, job)));
      const home = await this.#home(job);
      if (home === null || !isPartitionedRecord(home)) return home;
      const done = await Promise.all(behind.map((shard, i) => this.#replace(shard, job, [copies[i] ?? null, home])));
      behind = behind.filter((_, i) => done[i] !== true);
      if (behind.length === 0) return home;
    }
  }

  /** The same for the deletion under this mark. Afterwards only marks are left in the other shards. */
  async delete(job: JobKey, mark: string): Promise<void> {
    for (let behind = this.#othersOf(job); behind.length > 0;) {
      const copies = await Promise.all(behind.map((shard) => this.#read(shard, job)));
      if ((await this.#home(job)) !== mark) return;
      const done = await Promise.all(behind.map((shard, i) => this.#replace(shard, job, [copies[i] ?? null, mark])));
      behind = behind.filter((_, i) => done[i] !== true);
    }
    for (const shard of this.#othersOf(job)) await this.#deps.shardSweep.sweep(shard, { job, mark, keepMark: true });
  }

  /** Compares each copy in a shard with its home. Returns how many were wrong. */
  async refresh(shard: ShardId): Promise<number> {
    const { connection, layout } = this.#deps;
    let wrong = 0;
    for (let after = '['; ;) {
      const range = [`${after}${after === '[' ? '=' : ''}`, '(>', 'LIMIT', 0, STEP];
      const entries = (await connection.send('ZRANGEBYLEX', [layout.keys(shard).jobNames, ...range])) as string[];
      for (const entry of entries) if (await this.#refreshOne(shard, entry.slice(1) as JobKey)) wrong += 1;
      if (entries.length < STEP) return wrong;
      after = `(${entries.at(-1) ?? ''}`;
    }
  }

  async #refreshOne(shard: ShardId, job: JobKey): Promise<boolean> {
    const copy = await this.#read(shard, job);
    const home = await this.#home(job);
    if (copy === home && (copy === null || !isMark(copy))) return false;
    if (home !== null && isPartitionedRecord(home)) return (await this.#replace(shard, job, [copy, home])) === true;
    // A deletion that is under way, that was left here when it ended, or whose home was lost.
    const mark = copy !== null && isMark(copy) ? copy : home !== null && isMark(home) ? home : '-';
    if (copy !== mark && (await this.#replace(shard, job, [copy, mark])) !== true) return false;
    await this.#deps.shardSweep.sweep(shard, { job, mark, keepMark: true });
    return true;
  }

  async #replace(shard: ShardId, job: JobKey, [copy, record]: readonly [string | null, string]): Promise<boolean> {
    if (copy === record && !isMark(record)) return true;
    const { layout, scripts, shardSweep } = this.#deps;
    const { jobs, jobNames, expiry } = layout.keys(shard);
    const args = [job, copy ?? '', record, MARK_MS, wakeChannel(layout.cluster, shard)];
    const code = await scripts.run('put_copy', [jobs, jobNames, expiry], args);
    if (code === CODES.DELETING && copy !== null) await shardSweep.sweep(shard, { job, mark: copy, keepMark: true });
    return code === CODES.CHANGED;
  }

  #home(job: JobKey): Promise<string | null> {
    return this.#read(this.#deps.layout.shardOf(job), job);
  }

  async #read(shard: ShardId, job: JobKey): Promise<string | null> {
    const { connection, layout } = this.#deps;
    const record = await connection.send('HGET', [layout.keys(shard).jobs, job]);
    return typeof record === 'string' ? record : null;
  }

  #othersOf(job: JobKey): ShardId[] {
    const { layout } = this.#deps;
    const home = layout.shardOf(job);
    return Array.from({ length: layout.shardCount }, (_, shard) => shard).filter((shard) => shard !== home);
  }
}
