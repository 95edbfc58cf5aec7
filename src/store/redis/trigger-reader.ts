import type { JobKey } from '../../domain/job.js';
import { triggerKeyOf, triggerName, type Trigger, type TriggerKey } from '../../domain/trigger.js';
import type { Page, PageRequest } from '../job-store.js';
import type { RedisConnection } from './connection.js';
import { cursorProblem } from './cursor.js';
import type { RedisLayout } from './redis-layout.js';
import type { ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';
import { decodeTrigger } from './trigger-codec.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly scripts: ScriptRunner<ScriptName>;
  readonly layout: RedisLayout;
}

/** Triggers of the shard looked at in one step of a scan, and steps for one page. */
const SCAN_STEP = 200;
const STEPS_PER_PAGE = 50;

/**
 * Reads triggers. The names of a job's triggers are listed in one place while there are few; the triggers of a
 * larger job are found by scanning those of its shard, which are mostly its own.
 */
export class TriggerReader {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Those that exist, in the order asked for. */
  async read(job: JobKey, keys: readonly TriggerKey[]): Promise<Trigger[]> {
    if (keys.length === 0) return [];
    const { layout, scripts } = this.#deps;
    const shard = layout.shardOf(job);
    const { triggers, due } = layout.keys(shard);
    const reply = (await scripts.run('read_triggers', [triggers, due], keys)) as (string | null)[];
    return keys.flatMap((key, index) => {
      const record = reply[index * 2];
      const dueAt = reply[index * 2 + 1];
      if (typeof record !== 'string') return [];
      return decodeTrigger(shard, key, record, typeof dueAt === 'string' ? Number(dueAt) : null);
    });
  }

  async count(job: JobKey): Promise<number> {
    return (await this.#index(job)).count;
  }

  async list(job: JobKey, page: PageRequest): Promise<Page<Trigger>> {
    const { names } = await this.#index(job);
    return names === null ? this.#scan(job, page) : this.#listNames(job, names, page);
  }

  /** `names` is null when there are too many to be listed in one place. */
  async #index(job: JobKey): Promise<{ count: number; names: readonly string[] | null }> {
    const { connection, layout } = this.#deps;
    const shard = layout.keys(layout.shardOf(job));
    const [entry, record] = (await Promise.all([
      connection.send('HGET', [shard.triggerNames, job]),
      connection.send('HGET', [shard.jobs, job]),
    ])) as (string | null)[];
    if (typeof entry !== 'string' || typeof record !== 'string' || record === '-') return { count: 0, names: [] };
    const [count, ...names] = entry.split(' ');
    return { count: Number(count), names: names[0] === '*' ? null : names };
  }

  async #listNames(
    job: JobKey,
    names: readonly string[],
    { cursor = 'n', limit }: PageRequest,
  ): Promise<Page<Trigger>> {
    const after = cursor.startsWith('n') ? cursor.slice(1) : '';
    const rest = names.filter((name) => name > after).sort();
    const taken = rest.slice(0, limit);
    const items = await this.read(
      job,
      taken.map((name) => triggerKeyOf(job, name)),
    );
    const last = taken.at(-1);
    return rest.length > limit && last !== undefined ? { items, nextCursor: `n${last}` } : { items };
  }

  /** The cursor is that of the scan, and the last name taken of the step that begins there. */
  async #scan(job: JobKey, { cursor, limit }: PageRequest): Promise<Page<Trigger>> {
    const position = scanPosition(cursor);
    const found: TriggerKey[] = [];
    for (let step = 0; step < STEPS_PER_PAGE; step++) {
      const { next, keys } = await this.#scanStep(job, position.scan);
      const fresh = keys.filter((key) => triggerName(key) > position.after).sort();
      const taken = fresh.slice(0, limit - found.length);
      found.push(...taken);
      if (taken.length < fresh.length) {
        position.after = triggerName(taken.at(-1) as TriggerKey);
        break;
      }
      Object.assign(position, { scan: next, after: '' });
      if (next === '0' || found.length === limit) break;
    }
    const items = await this.read(job, found);
    const isLast = position.scan === '0' && position.after === '';
    return isLast ? { items } : { items, nextCursor: `s${position.scan}.${position.after}` };
  }

  async #scanStep(job: JobKey, scan: string): Promise<{ next: string; keys: TriggerKey[] }> {
    const { connection, layout } = this.#deps;
    const { triggers } = layout.keys(layout.shardOf(job));
    const reply = await connection.send('HSCAN', [triggers, scan, 'MATCH', `${job}/*`, 'COUNT', SCAN_STEP]);
    const [next, entries] = reply as [string, TriggerKey[]];
    return { next, keys: entries.filter((_, index) => index % 2 === 0) };
  }
}

function scanPosition(cursor: string | undefined): { scan: string; after: string } {
  // A cursor over listed names: the job has grown since; the scan starts anew.
  if (cursor === undefined || cursor.startsWith('n')) return { scan: '0', after: '' };
  const match = /^s(\d+)\.(.*)$/.exec(cursor);
  if (match?.[1] === undefined) throw cursorProblem();
  return { scan: match[1], after: match[2] ?? '' };
}
