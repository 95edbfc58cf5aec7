import type { JobKey } from '../../domain/job.js';
import type { ShardId } from '../../domain/shard.js';
import type { RedisConnection } from './connection.js';
import type { RedisLayout } from './redis-layout.js';
import type { ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly scripts: ScriptRunner<ScriptName>;
  readonly layout: RedisLayout;
}

/** Triggers looked at in one step. */
const STEP = 1000;

/**
 * Removes the triggers of a marked job from one shard, in steps, and at the end the mark if it does not stay. While
 * the mark is there nothing can be added, so one scan meets all of them. Does nothing under another mark.
 */
export class ShardSweep {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async sweep(
    shard: ShardId,
    { job, mark, keepMark }: { job: JobKey; mark: string; keepMark: boolean },
  ): Promise<void> {
    const { connection, layout, scripts } = this.#deps;
    const { jobs, jobNames, triggers, triggerNames, due, expiry } = layout.keys(shard);
    const remove = (stage: 0 | 1 | 2, keys: readonly string[]): Promise<unknown> =>
      scripts.run('sweep_job', [jobs, jobNames, triggers, triggerNames, due, expiry], [job, mark, stage, ...keys]);
    const last = keepMark ? 2 : 1;
    const entry = await connection.send('HGET', [triggerNames, job]);
    const [, ...names] = typeof entry === 'string' ? entry.split(' ') : [];
    if (names[0] !== '*') {
      await remove(
        last,
        names.map((name) => `${job}/${name}`),
      );
      return;
    }
    let cursor = '0';
    do {
      const reply = await connection.send('HSCAN', [triggers, cursor, 'MATCH', `${job}/*`, 'COUNT', STEP]);
      const [next, found] = reply as [string, string[]];
      cursor = next;
      await remove(
        cursor === '0' ? last : 0,
        found.filter((_, index) => index % 2 === 0),
      );
    } while (cursor !== '0');
  }
}
