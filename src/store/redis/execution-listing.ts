import { parseExecutionId, type Execution, type ExecutionId } from '../../domain/execution.js';
import { isTerminal, type ExecutionState } from '../../domain/execution-state.js';
import { jobKeyOf, type JobKey } from '../../domain/job.js';
import type { ShardId } from '../../domain/shard.js';
import type { ExecutionFilter } from '../execution-store.js';
import type { Page } from '../job-store.js';
import type { RedisConnection } from './connection.js';
import { cursorProblem } from './cursor.js';
import { decodeExecution } from './execution-codec.js';
import { isMark, isPartitionedRecord } from './job-codec.js';
import type { ShardKeys } from './keys.js';
import type { RedisLayout } from './redis-layout.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly layout: RedisLayout;
}

/** One entry of an index, and its place in the order of the whole listing: score first, then member, both descending. */
interface Entry {
  readonly score: number;
  readonly member: string;
  /** Null for an entry that is no execution. */
  readonly id: ExecutionId | null;
}

type Position = Pick<Entry, 'score' | 'member'>;

/** An entry looked at, and the cursor with which a listing goes on after it. */
interface Look {
  readonly id: ExecutionId | null;
  readonly cursor: string;
}

/** A set that holds the executions in some states, and how a member tells the id. */
interface Index {
  readonly name: string;
  readonly key: keyof ShardKeys;
  readonly holds: (state: ExecutionState) => boolean;
  readonly idOf: (member: string) => ExecutionId | null;
}

const INDEXES: readonly Index[] = [
  { name: 'running', key: 'leases', holds: (state) => state === 'running', idOf: (member) => member as ExecutionId },
  { name: 'retrying', key: 'retries', holds: (state) => state === 'retrying', idOf: (member) => member as ExecutionId },
  { name: 'queued', key: 'ready', holds: (state) => state === 'queued', idOf: afterLastBlank },
  {
    name: 'ended',
    key: 'expiry',
    holds: isTerminal,
    idOf: (member) => (member.startsWith('x:') ? (member.slice(2) as ExecutionId) : null),
  },
];

/** Entries looked at for one page before it is given out short. */
const ENTRIES_PER_PAGE = 2000;

/**
 * Lists executions. Those of one job come from its history, newest first; of a partitioned job, and of one that is
 * gone and may have been one, from those of all shards. Without a job, the sets that serve the
 * states are read one after the other, each merged over the shards; an execution that moves on to a later set
 * while somebody pages is seen there, never twice in one set.
 */
export class ExecutionListing {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  list(filter: ExecutionFilter): Promise<Page<Execution>> {
    return filter.job === undefined ? this.#listStates(filter) : this.#listHistory(filter, filter.job);
  }

  /** The cursor is the id last looked at. */
  async #listHistory(filter: ExecutionFilter, name: string): Promise<Page<Execution>> {
    const { connection, layout } = this.#deps;
    const job = jobKeyOf(filter.namespace, name);
    if (filter.cursor !== undefined && parseExecutionId(filter.cursor) === null) throw cursorProblem();
    const shards = await this.#shardsOf(job);
    const count = filter.limit + 1;
    let last = filter.cursor as ExecutionId | undefined;
    const page = new PageBuilder(filter);
    for (;;) {
      const found = await Promise.all(
        shards.map(async (shard) => {
          const since = filter.since === undefined ? '' : idPart(shard, Math.max(filter.since, 0));
          const range = [historyBefore(job, shard, last), `[${job}/${since}`, 'LIMIT', 0, count];
          return (await connection.send('ZREVRANGEBYLEX', [layout.keys(shard).history, ...range])) as string[];
        }),
      );
      const ids = found.flat().map((member) => member.slice(job.length + 1) as ExecutionId);
      const newest = ids.sort((a, b) => byTime(b, a)).slice(0, count);
      const looks = newest.map((id) => ({ id, cursor: id }));
      const isFull = page.add(looks, await this.#readAnywhere(newest));
      if (isFull || newest.length < count) return page.finish(isFull);
      last = newest.at(-1);
    }
  }

  async #shardsOf(job: JobKey): Promise<readonly ShardId[]> {
    const { connection, layout } = this.#deps;
    const home = layout.shardOf(job);
    const record = await connection.send('HGET', [layout.keys(home).jobs, job]);
    const isPlain = typeof record === 'string' && !isMark(record) && !isPartitionedRecord(record);
    return isPlain ? [home] : layout.all().map((_, shard) => shard);
  }

  /** The cursor names the set, and score and member of the entry last looked at. */
  async #listStates(filter: ExecutionFilter): Promise<Page<Execution>> {
    const { state } = filter;
    const indexes = INDEXES.filter((index) => state === undefined || index.holds(state));
    const start = filter.cursor === undefined ? null : decodeCursor(filter.cursor);
    const from = start === null ? 0 : indexes.findIndex((index) => index.name === start.index);
    if (from === -1) throw cursorProblem();
    const page = new PageBuilder(filter);
    for (const [position, index] of indexes.slice(from).entries()) {
      let last: Position | null = position === 0 ? start : null;
      for (;;) {
        const entries = await this.#entriesBefore(index, last, filter.limit + 1);
        const records = await this.#readAnywhere(entries.map((entry) => entry.id));
        const looks = entries.map((entry) => ({ id: entry.id, cursor: encodeCursor(index, entry) }));
        const isFull = page.add(looks, records);
        if (isFull) return page.finish(true);
        if (entries.length <= filter.limit) break;
        last = entries.at(-1) ?? null;
      }
    }
    return page.finish(false);
  }

  /** The next entries of all shards after `last`, in the order of the listing. */
  async #entriesBefore(index: Index, last: Position | null, count: number): Promise<Entry[]> {
    const { layout } = this.#deps;
    const found = await Promise.all(layout.all().map((shard) => this.#shardEntries(shard[index.key], last, count)));
    return found
      .flat()
      .sort((a, b) => b.score - a.score || (a.member < b.member ? 1 : -1))
      .map(({ score, member }) => ({ score, member, id: index.idOf(member) }))
      .slice(0, count);
  }

  async #shardEntries(key: string, last: Position | null, count: number): Promise<Position[]> {
    const found: Position[] = [];
    for (let offset = 0; found.length < count; offset += count) {
      const range = [last?.score ?? '+inf', '-inf', 'WITHSCORES', 'LIMIT', offset, count];
      const reply = (await this.#deps.connection.send('ZREVRANGEBYSCORE', [key, ...range])) as string[];
      for (let i = 0; i < reply.length; i += 2) {
        const [member, score] = [reply[i] ?? '', Number(reply[i + 1])];
        // Entries with the score of the last one that were given out before.
        if (last === null || score < last.score || member < last.member) found.push({ score, member });
      }
      if (reply.length < 2 * count) break;
    }
    return found;
  }

  async #readAnywhere(ids: readonly (ExecutionId | null)[]): Promise<(Execution | null)[]> {
    const { layout } = this.#deps;
    const byShard = new Map<ShardKeys, ExecutionId[]>();
    for (const id of ids) {
      const keys = id === null ? null : layout.find(parseExecutionId(id)?.shard ?? -1);
      if (id !== null && keys !== null) byShard.set(keys, [...(byShard.get(keys) ?? []), id]);
    }
    const found = new Map<ExecutionId, Execution | null>();
    await Promise.all(
      [...byShard].map(async ([keys, shardIds]) => {
        const records = await this.#read(keys, shardIds);
        shardIds.forEach((id, position) => found.set(id, records[position] ?? null));
      }),
    );
    return ids.map((id) => (id === null ? null : (found.get(id) ?? null)));
  }

  async #read(keys: ShardKeys, ids: readonly ExecutionId[]): Promise<(Execution | null)[]> {
    if (ids.length === 0) return [];
    const records = (await this.#deps.connection.send('HMGET', [keys.executions, ...ids])) as (string | null)[];
    return records.map((record, position) =>
      typeof record === 'string' ? decodeExecution(ids[position] as ExecutionId, record) : null,
    );
  }
}

/** Collects what matches the filter until the page is full and it is known whether more follows. */
class PageBuilder {
  readonly #filter: ExecutionFilter;
  readonly #items: Execution[] = [];
  #looked = 0;
  #cursor = '';

  constructor(filter: ExecutionFilter) {
    this.#filter = filter;
  }

  /** True when the page can be given out with a cursor. */
  add(looks: readonly Look[], records: readonly (Execution | null)[]): boolean {
    for (const [position, { cursor }] of looks.entries()) {
      const record = records[position] ?? null;
      if (record !== null && matches(record, this.#filter)) {
        if (this.#items.length === this.#filter.limit) return true;
        this.#items.push(record);
      }
      this.#cursor = cursor;
    }
    this.#looked += looks.length;
    return this.#looked >= ENTRIES_PER_PAGE;
  }

  finish(hasMore: boolean): Page<Execution> {
    return hasMore ? { items: this.#items, nextCursor: this.#cursor } : { items: this.#items };
  }
}

/** What an id holds after the number of its shard: time first. */
function timePart(id: ExecutionId): string {
  return id.slice(id.indexOf('-') + 1);
}

function idPart(shard: ShardId, at: number): string {
  return `${shard}-${String(at).padStart(15, '0')}`;
}

/** By time, and by shard among those of one time. */
function byTime(a: ExecutionId, b: ExecutionId): number {
  const [left, right] = [timePart(a), timePart(b)];
  if (left !== right) return left < right ? -1 : 1;
  return (parseExecutionId(a)?.shard ?? 0) - (parseExecutionId(b)?.shard ?? 0);
}

/** The end of the range in the history of one shard that comes after `last` in the order of all of them. */
function historyBefore(job: JobKey, shard: ShardId, last: ExecutionId | undefined): string {
  if (last === undefined) return `(${job}0`;
  const isBefore = shard < (parseExecutionId(last)?.shard ?? 0);
  return `${isBefore ? '[' : '('}${job}/${shard}-${timePart(last)}`;
}

function matches(record: Execution, { namespace, state, since }: ExecutionFilter): boolean {
  return (
    record.job.startsWith(`${namespace}/`) &&
    (state === undefined || record.state === state) &&
    (since === undefined || record.nominalAt >= since)
  );
}

function afterLastBlank(member: string): ExecutionId {
  return member.slice(member.lastIndexOf(' ') + 1) as ExecutionId;
}

function encodeCursor(index: Index, { score, member }: Entry): string {
  return Buffer.from(`${index.name} ${score} ${member}`).toString('base64url');
}

function decodeCursor(cursor: string): { index: string; score: number; member: string } {
  const match = /^([a-z]+) (-?\d+) (.+)$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (match === null) throw cursorProblem();
  return { index: match[1] ?? '', score: Number(match[2]), member: match[3] ?? '' };
}
