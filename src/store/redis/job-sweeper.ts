import type { JobKey } from '../../domain/job.js';
import type { ShardId } from '../../domain/shard.js';
import type { RedisConnection } from './connection.js';
import type { JobCopies } from './job-copies.js';
import { isMark } from './job-codec.js';
import type { RedisLayout } from './redis-layout.js';
import type { ShardSweep } from './shard-sweep.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly layout: RedisLayout;
  readonly copies: JobCopies;
  readonly shardSweep: ShardSweep;
}

/**
 * Finishes the deletion of a job with many triggers, or with triggers in many shards. Anybody may do it, at any
 * time, several at once.
 */
export class JobSweeper {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** `found` is the shard in which the mark was met: its own unless it is that of a copy, which is removed there alone. */
  async sweep(job: JobKey, found?: ShardId): Promise<void> {
    const { connection, layout, copies, shardSweep } = this.#deps;
    const home = layout.shardOf(job);
    const shard = found ?? home;
    const mark = await connection.send('HGET', [layout.keys(shard).jobs, job]);
    if (typeof mark !== 'string' || !isMark(mark)) return;
    if (shard === home && mark !== '-') await copies.delete(job, mark);
    await shardSweep.sweep(shard, { job, mark, keepMark: false });
  }
}
