import type { JobKey } from '../../domain/job.js';
import type { ShardId } from '../../domain/shard.js';
import { triggerKeyOf, triggerName, type Trigger, type TriggerKey } from '../../domain/trigger.js';
import type { Page, PageRequest } from '../job-store.js';
import type { RedisConnection } from './connection.js';
import { cursorProblem } from './cursor.js';
import { isMark, isPartitionedRecord } from './job-codec.js';
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

  /** Those that exist in this shard, in the order asked for. */
  async read(shard: ShardId, keys: readonly TriggerKey[]): Promise<Trigger[]> {
    if (keys.length === 0) return [];
    const { layout, scripts } = this.#deps;
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
    const shards = await this.#shardsOf(job);
    const indexes = await Promise.all(shards.map((shard) => this.#index(shard, job)));
    return indexes.reduce((sum, { count }) => sum + count, 0);
  }

  /** One shard after the other; in the cursor the number of the shard comes first. */
  async list(job: JobKey, { cursor, limit }: PageRequest): Promise<Page<Trigger>> {
    const from = /^(\d+):(.*)$/.exec(cursor ?? '');
    if (cursor !== undefined && from === null) throw cursorProblem();
    let within = from?.[2] || undefined;
    const items: Trigger[] = [];
    const shards = await this.#shardsOf(job);
    for (const shard of shards.filter((id) => id >= Number(from?.[1] ?? 0))) {
      if (items.length === limit) return { items, nextCursor: `${shard}:` };
      const { names } = await this.#index(shard, job);
      const page = { cursor: within, limit: limit - items.length };
      const part =
        names === null ? await this.#scan(shard, job, page) : await this.#listNames([shard, job], names, page);
      items.push(...part.items);
      if (part.nextCursor !== undefined) return { items, nextCursor: `${shard}:${part.nextCursor}` };
      within = undefined;
    }
    return { items };
  }

  /** In which shards the job has triggers; none when it is gone. */
  async #shardsOf(job: JobKey): Promise<readonly ShardId[]> {
    const { connection, layout } = this.#deps;
    const home = layout.shardOf(job);
    const record = await connection.send('HGET', [layout.keys(home).jobs, job]);
    if (typeof record !== 'string' || isMark(record)) return [];
    return isPartitionedRecord(record) ? layout.all().map((_, shard) => shard) : [home];
  }

  /** `names` is null when there are too many to be listed in one place. */
  async #index(shard: ShardId, job: JobKey): Promise<{ count: number; names: readonly string[] | null }> {
    const { connection, layout } = this.#deps;
    const entry = await connection.send('HGET', [layout.keys(shard).triggerNames, job]);
    if (typeof entry !== 'string') return { count: 0, names: [] };
    const [count, ...names] = entry.split(' ');
    return { count: Number(count), names: names[0] === '*' ? null : names };
  }

  async #listNames(
    [shard, job]: readonly [ShardId, JobKey],
    names: readonly string[],
    { cursor = 'n', limit }: PageRequest,
  ): Promise<Page<Trigger>> {
    const after = cursor.startsWith('n') ? cursor.slice(1) : '';
    const rest = names.filter((name) => name > after).sort();
    const taken = rest.slice(0, limit);
    const items = await this.read(
      shard,
      taken.map((name) => triggerKeyOf(job, name)),
    );
    const last = taken.at(-1);
    return rest.length > limit && last !== undefined ? { items, nextCursor: `n${last}` } : { items };
  }

  /** The cursor is that of the scan, and the last name taken of the step that begins there. */
  async #scan(shard: ShardId, job: JobKey, { cursor, limit }: PageRequest): Promise<Page<Trigger>> {
    const position = scanPosition(cursor);
    const found: TriggerKey[] = [];
    for (let step = 0; step < STEPS_PER_PAGE; step++) {
      const { next, keys } = await this.#scanStep(shard, job, position.scan);
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
    const items = await this.read(shard, found);
    const isLast = position.scan === '0' && position.after === '';
    return isLast ? { items } : { items, nextCursor: `s${position.scan}.${position.after}` };
  }

  async #scanStep(shard: ShardId, job: JobKey, scan: string): Promise<{ next: string; keys: TriggerKey[] }> {
    const { connection, layout } = this.#deps;
    const { triggers } = layout.keys(shard);
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
