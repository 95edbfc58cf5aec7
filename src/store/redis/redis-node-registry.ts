import type { JsonObject } from '../../domain/json.js';
import { NODE_TTL_MS, type NodeRecord, type NodeRegistry, type NodeRole } from '../node-registry.js';
import type { RedisConnection } from './connection.js';
import { nodesKey } from './keys.js';
import { readServerTime } from './server-time.js';

/** Processes that announced themselves: one field each, `<seen at> <facts as JSON>`, removed by who lists them. */
export class RedisNodeRegistry implements NodeRegistry {
  readonly #connection: RedisConnection;
  readonly #cluster: string;

  constructor({ connection }: { connection: RedisConnection }, { cluster }: { cluster: string }) {
    this.#connection = connection;
    this.#cluster = cluster;
  }

  async announce(role: NodeRole, id: string, facts: JsonObject): Promise<void> {
    const seenAt = await readServerTime(this.#connection);
    await this.#connection.send('HSET', [this.#key(role), id, `${seenAt} ${JSON.stringify(facts)}`]);
  }

  async withdraw(role: NodeRole, id: string): Promise<void> {
    await this.#connection.send('HDEL', [this.#key(role), id]);
  }

  async list(role: NodeRole): Promise<readonly NodeRecord[]> {
    const [now, reply] = await Promise.all([
      readServerTime(this.#connection),
      this.#connection.send('HGETALL', [this.#key(role)]) as Promise<string[]>,
    ]);
    const records: NodeRecord[] = [];
    const gone: string[] = [];
    for (let i = 0; i < reply.length; i += 2) {
      const record = decodeNode(role, reply[i] ?? '', reply[i + 1] ?? '');
      if (record.seenAt + NODE_TTL_MS > now) records.push(record);
      // Long gone: one that is late by a moment must not lose what it announces right now.
      else if (record.seenAt + 10 * NODE_TTL_MS <= now) gone.push(record.id);
    }
    if (gone.length > 0) await this.#connection.send('HDEL', [this.#key(role), ...gone]);
    return records.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #key(role: NodeRole): string {
    return nodesKey(this.#cluster, role);
  }
}

function decodeNode(role: NodeRole, id: string, value: string): NodeRecord {
  const blank = value.indexOf(' ');
  return {
    role,
    id,
    facts: JSON.parse(value.slice(blank + 1)) as JsonObject,
    seenAt: Number(value.slice(0, blank)),
  };
}
