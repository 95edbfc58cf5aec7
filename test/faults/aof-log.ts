import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import type { LogEntry, RecordState } from './history.js';

/**
 * Reads what a Redis server has written to its append-only file: every change in the order in which it was applied,
 * written down by the server itself, whatever the clients were told. The server must not rewrite the file
 * (`auto-aof-rewrite-percentage 0`).
 */
export class AofLog {
  readonly #folder: string;
  readonly #cluster: string;
  #offset = 0;

  constructor({ folder, cluster }: { readonly folder: string; readonly cluster: string }) {
    this.#folder = join(folder, 'appendonlydir');
    this.#cluster = cluster;
  }

  /** What was written since the last call; an unfinished end is left for the next one. */
  async read(): Promise<readonly LogEntry[]> {
    const bytes = await this.#unread();
    const parser = new CommandParser(bytes);
    const entries: LogEntry[] = [];
    for (let command = parser.next(); command !== null; command = parser.next()) {
      entries.push(...entriesOf(command, this.#cluster));
    }
    this.#offset += parser.consumed;
    return entries;
  }

  /** Passes over what is there already. */
  async skip(): Promise<void> {
    await this.read();
  }

  async #unread(): Promise<Buffer> {
    const manifest = await readFile(join(this.#folder, 'appendonly.aof.manifest'), 'utf8');
    const name = /^file (\S+) seq \d+ type i$/m.exec(manifest)?.[1];
    if (name === undefined) throw new Error(`no incremental file in ${manifest}`);
    const path = join(this.#folder, name);
    const { size } = await settledSize(path);
    const bytes = Buffer.alloc(Math.max(0, size - this.#offset));
    const file = await open(path);
    try {
      await file.read(bytes, 0, bytes.length, this.#offset);
    } finally {
      await file.close();
    }
    return bytes;
  }
}

/** While a background fsync runs, the server may hold its writes back for up to two seconds. */
async function settledSize(path: string): Promise<{ size: number }> {
  const before = await stat(path);
  await passed(20);
  const after = await stat(path);
  return after.size === before.size ? after : settledSize(path);
}

/** Commands of RESP; stops at the first one that is not complete, and before an unfinished transaction. */
class CommandParser {
  /** Bytes up to the last end of a command that is not within a transaction. */
  consumed = 0;
  readonly #bytes: Buffer;
  readonly #queued: (readonly Buffer[])[] = [];
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(): readonly Buffer[] | null {
    const queued = this.#queued.shift();
    if (queued !== undefined) return queued;
    const command = this.#command();
    if (command === null) return null;
    if (nameOf(command) === 'MULTI') {
      for (let inner = this.#command(); ; inner = this.#command()) {
        if (inner === null) {
          this.#queued.length = 0;
          return null;
        }
        if (nameOf(inner) === 'EXEC') break;
        this.#queued.push(inner);
      }
      this.consumed = this.#at;
      return this.next();
    }
    this.consumed = this.#at;
    return command;
  }

  #command(): readonly Buffer[] | null {
    const start = this.#at;
    const count = this.#number('*');
    if (count === null) return this.#rewind(start);
    const parts: Buffer[] = [];
    for (let i = 0; i < count; i += 1) {
      const length = this.#number('$');
      if (length === null || this.#at + length + 2 > this.#bytes.length) return this.#rewind(start);
      parts.push(this.#bytes.subarray(this.#at, this.#at + length));
      this.#at += length + 2;
    }
    return parts;
  }

  #rewind(at: number): null {
    this.#at = at;
    return null;
  }

  #number(mark: string): number | null {
    while (this.#bytes[this.#at] === 0x23) {
      const end = this.#bytes.indexOf('\r\n', this.#at); // a comment with the time
      if (end === -1) return null;
      this.#at = end + 2;
    }
    const end = this.#bytes.indexOf('\r\n', this.#at);
    if (end === -1) return null;
    const text = this.#bytes.toString('latin1', this.#at, end);
    if (!text.startsWith(mark)) throw new Error(`not a command in the append-only file: ${text.slice(0, 40)}`);
    this.#at = end + 2;
    return Number(text.slice(1));
  }
}

function nameOf(command: readonly Buffer[]): string {
  return command[0]?.toString('latin1').toUpperCase() ?? '';
}

function entriesOf(command: readonly Buffer[], cluster: string): readonly LogEntry[] {
  const [name = '', key = '', ...args] = command.map((part) => part.toString());
  const prefix = `cj:{${cluster}:`;
  if (!key.startsWith(prefix)) return [];
  const [shardText = '', part = ''] = key.slice(prefix.length).split('}:');
  const shard = Number(shardText);
  switch (`${name.toUpperCase()} ${part}`) {
    case 'HSET fence':
    case 'HMSET fence':
      return pairs(args).flatMap(([field, value]) =>
        field === 'epoch' ? [{ kind: 'fence', shard, epoch: Number(value) }] : [],
      );
    case 'HSET executions':
    case 'HMSET executions':
      return pairs(args).map(([id, value]) => ({ kind: 'record', shard, id, record: readRecord(id, value) }));
    case 'HDEL executions':
      return args.map((id) => ({ kind: 'removed', shard, id }));
    case 'HSET triggers':
    case 'HMSET triggers':
      return pairs(args).map(([trigger, value]) => {
        const watermark = Number(value.split('|', 2)[1]);
        return { kind: 'watermark', shard, trigger, watermark };
      });
    case 'HDEL triggers':
      return args.map((trigger) => ({ kind: 'trigger-removed', shard, trigger }));
    default:
      return [];
  }
}

function pairs(args: readonly string[]): readonly [string, string][] {
  return Array.from({ length: args.length / 2 }, (_, i) => [args[2 * i] ?? '', args[2 * i + 1] ?? '']);
}

/** The stored form is described in docs/redis-data-model.md; read here once more, apart from the product's codec. */
export function readRecord(id: string, value: string): RecordState {
  const [stateLine = '', fixedLine = '', , result = ''] = value.split('\n');
  const [state = '', attempt, maxAttempts, firedAt, epoch, token = '', , , finished, reason = '', , settledBy = ''] =
    stateLine.split('|');
  const [order = '', job = '', name = '', nominal = '', , backfill] = fixedLine.split('|');
  const trigger = `${job}/${name}`;
  const missed = state === 'missed' ? (JSON.parse(result) as { throughAt: number }) : undefined;
  return {
    ...{ state, token, settledBy, reason, job },
    attempt: Number(attempt),
    maxAttempts: Number(maxAttempts),
    firedAt: Number(firedAt),
    finishedAt: finished ? Number(finished) : null,
    epoch: Number(epoch),
    trigger: name === '' || backfill !== undefined ? null : trigger,
    ...(backfill === undefined ? {} : { backfill: { id: backfill, trigger } }),
    nominalAt: nominal === '' ? Number(id.split('-')[1]) : Number(nominal),
    dueAt: Number(order.slice(order.indexOf(' ') + 4)),
    ...(missed === undefined ? {} : { missedThrough: missed.throughAt }),
  };
}
