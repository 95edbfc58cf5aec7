import type { Cluster, Redis } from 'ioredis';
import type { LogEntry, ShardContents } from './history.js';
import { readRecord } from './aof-log.js';

const KEYS = ['executions', 'ready', 'leases', 'retries', 'expiry', 'history', 'triggers', 'due', 'jobs'];

/** One instant of a shard: a script sees nothing half done. Records are reduced to their states. */
const SNAPSHOT = `
local states = redis.call('HGETALL', KEYS[1])
for i = 2, #states, 2 do states[i] = string.match(states[i], '^[^|]*') end
local sets = { states }
for i = 2, 6 do sets[i] = redis.call('ZRANGE', KEYS[i], 0, -1) end
sets[7] = redis.call('HKEYS', KEYS[7])
sets[8] = redis.call('ZRANGE', KEYS[8], 0, -1)
sets[9] = redis.call('HGETALL', KEYS[9])
return sets`;

export interface ShardSource {
  readonly client: Redis | Cluster;
  readonly cluster: string;
}

function keyOf(cluster: string, shard: number, name: string): string {
  return `cj:{${cluster}:${shard}}:${name}`;
}

export async function readContents({ client, cluster }: ShardSource, shard: number): Promise<ShardContents> {
  const keys = KEYS.map((name) => keyOf(cluster, shard, name));
  const sets = (await client.eval(SNAPSHOT, keys.length, ...keys)) as string[][];
  const [states = [], ready = [], leases = [], retries = [], expiry = [], history = [], triggers = [], due = []] = sets;
  return {
    shard,
    executions: mapOf(states),
    ready: new Set(ready.map((member) => member.slice(member.lastIndexOf(' ') + 1))),
    leases: new Set(leases),
    retries: new Set(retries),
    expiring: new Set(expiry.filter((member) => member.startsWith('x:')).map((member) => member.slice(2))),
    listed: new Set(history.map((member) => member.slice(member.lastIndexOf('/') + 1))),
    jobs: mapOf(sets[8] ?? []),
    triggers: new Set(triggers),
    due: new Set(due),
  };
}

/** Of a flat list of names and values. */
function mapOf(pairs: readonly string[]): ReadonlyMap<string, string> {
  return new Map(Array.from({ length: pairs.length / 2 }, (_, i) => [pairs[2 * i] ?? '', pairs[2 * i + 1] ?? '']));
}

/** How many executions of the shard have not ended. */
export async function countOpen({ client, cluster }: ShardSource, shard: number): Promise<number> {
  const names = ['ready', 'leases', 'retries'];
  const counts = await Promise.all(names.map((name) => client.zcard(keyOf(cluster, shard, name))));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** False while the client is at a server that was the master once: then it is made to look for the new one. */
export async function readsFromMaster({ client }: ShardSource): Promise<boolean> {
  if (client.isCluster) return true;
  const [role] = (await client.call('ROLE')) as string[];
  if (role !== 'master') (client as Redis).disconnect(true);
  return role === 'master';
}

/** Earliest due instant; Infinity when nothing is due ever. */
export async function earliestDue({ client, cluster }: ShardSource, shard: number): Promise<number> {
  const reply = (await client.call('ZRANGE', keyOf(cluster, shard, 'due'), '0', '0', 'WITHSCORES')) as unknown[];
  // In pairs or flat, as the protocol has it.
  const [, score] = reply.flat();
  return score === undefined ? Infinity : Number(score);
}

export async function readFence({ client, cluster }: ShardSource, shard: number): Promise<LogEntry> {
  const epoch = Number((await client.hget(keyOf(cluster, shard, 'fence'), 'epoch')) ?? 0);
  return { kind: 'fence', shard, epoch };
}

/** All records of a namespace as they are now, by time of firing. */
export async function readRecords(
  { client, cluster }: ShardSource,
  { shard, namespace }: { shard: number; namespace: string },
): Promise<readonly Extract<LogEntry, { kind: 'record' }>[]> {
  const stored = await client.hgetall(keyOf(cluster, shard, 'executions'));
  return Object.entries(stored)
    .map(([id, value]) => ({ kind: 'record' as const, shard, id, record: readRecord(id, value) }))
    .filter(({ record }) => record.job.startsWith(`${namespace}/`))
    .sort((a, b) => a.record.firedAt - b.record.firedAt || a.record.epoch - b.record.epoch);
}
