import type { JobKey } from '../../domain/job.js';
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
 * Finishes the deletion of a job with many triggers. While it is marked, nothing can be added to it, so one scan
 * over the triggers of its shard meets all of them. Anybody may do it, at any time, several at once.
 */
export class JobSweeper {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async sweep(job: JobKey): Promise<void> {
    const { connection, layout, scripts } = this.#deps;
    const { jobs, triggers, triggerNames, due, expiry } = layout.keys(layout.shardOf(job));
    let cursor = '0';
    do {
      const reply = await connection.send('HSCAN', [triggers, cursor, 'MATCH', `${job}/*`, 'COUNT', STEP]);
      const [next, found] = reply as [string, string[]];
      const keys = found.filter((_, index) => index % 2 === 0);
      cursor = next;
      await scripts.run(
        'sweep_job',
        [jobs, triggers, triggerNames, due, expiry],
        [job, cursor === '0' ? 1 : 0, ...keys],
      );
    } while (cursor !== '0');
  }
}
