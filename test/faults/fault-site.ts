import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis, type Cluster } from 'ioredis';
import { freePorts, startRedis, type RedisServer, type ZooKeeperEnsemble } from '../../scripts/servers.mjs';
import { NetworkNamespace } from '../support/network-namespace.js';
import { RedisProxy } from '../support/redis-proxy.js';
import { ZkProxy } from '../support/zk-proxy.js';
import { AofLog } from './aof-log.js';
import { Member, type MemberRole } from './member.js';

export const SESSION_TIMEOUT_MS = 2000;
export const SHARDS = 16;
export const API_KEY = 'fault-suite-key-0123456789-abcdefghijklmnop';
const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));

export type SiteKind = 'single' | 'sentinel' | 'cluster';

/** The Redis of a site: where members find it, and how the suite itself reaches it past every proxy. */
export interface RedisSite {
  readonly kind: SiteKind;
  readonly servers: readonly RedisServer[];
  /** Server that members reach through a proxy each; null = they connect by `url`. */
  readonly proxiedPort: number | null;
  readonly url: string;
  readonly client: Redis | Cluster;
  stop(): Promise<void>;
}

export interface SiteOptions {
  /** Folder of the built product. */
  readonly build: string;
  /** Logs and notes of all members go here. */
  readonly folder: string;
  readonly zookeeper: ZooKeeperEnsemble;
  /** Gives each member a network namespace, where members have ways of their own to the servers. */
  readonly withHosts?: boolean;
  readonly schedulers?: number;
  readonly workers?: number;
}

export async function singleRedis(): Promise<RedisSite> {
  // The append-only file is read as the log of everything: it must not be rewritten.
  const server = await startRedis({ args: ['--auto-aof-rewrite-percentage', '0'] });
  const client = new Redis(server.url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  return {
    kind: 'single',
    servers: [server],
    proxiedPort: server.port,
    url: server.url,
    client,
    async stop() {
      client.disconnect();
      await server.stop();
    },
  };
}

/** A standing cluster of real processes on real servers. Faults come and go; `close` ends and deletes all of it. */
export class FaultSite {
  readonly cluster: string;
  readonly redis: RedisSite;
  readonly zookeeper: ZooKeeperEnsemble;
  readonly members: readonly Member[];
  /** Of the one server; null where several share the data. */
  readonly log: AofLog | null;
  readonly folder: string;

  private constructor(redis: RedisSite, options: SiteOptions, members: readonly Member[]) {
    this.cluster = redis.kind;
    this.redis = redis;
    this.zookeeper = options.zookeeper;
    this.members = members;
    this.folder = options.folder;
    const [server] = redis.servers;
    const isReadable = redis.kind === 'single' && server !== undefined;
    this.log = isReadable ? new AofLog({ folder: server.folder, cluster: this.cluster }) : null;
  }

  static async start(redis: RedisSite, options: SiteOptions): Promise<FaultSite> {
    mkdirSync(options.folder, { recursive: true });
    const { schedulers = 3, workers = 2 } = options;
    const roles: MemberRole[] = [
      ...Array.from({ length: schedulers }, () => 'scheduler' as const),
      ...Array.from({ length: workers }, () => 'worker' as const),
      'api',
    ];
    const ports = await freePorts(roles.length);
    const members: Member[] = [];
    for (const [i, role] of roles.entries()) {
      const name = `${role}-${roles.slice(0, i + 1).filter((other) => other === role).length}`;
      members.push(await placeOf({ name, role, port: ports[i] ?? 0, redis, options }));
    }
    const site = new FaultSite(redis, options, members);
    try {
      // The first one alone: it creates the cluster.
      await members[0]?.start();
      await Promise.all(members.map((member) => member.start()));
      return site;
    } catch (error) {
      await site.close();
      throw error;
    }
  }

  byRole(role: MemberRole): readonly Member[] {
    return this.members.filter((member) => member.spec.role === role);
  }

  get api(): Member {
    const [api] = this.byRole('api');
    if (api === undefined) throw new Error('no API process');
    return api;
  }

  runsFile(worker: Member): string {
    return join(this.folder, `${worker.name}.runs.ndjson`);
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
    await this.redis.stop();
  }
}

interface Place {
  readonly name: string;
  readonly role: MemberRole;
  readonly port: number;
  readonly redis: RedisSite;
  readonly options: SiteOptions;
}

/** A member with its own way to each server, so that it alone can be cut off. */
async function placeOf({ name, role, port, redis, options }: Place): Promise<Member> {
  const { build, folder, zookeeper, withHosts = false } = options;
  const host = withHosts && redis.proxiedPort !== null ? await NetworkNamespace.create() : undefined;
  const outside = host?.outerAddress;
  const redisProxy = redis.proxiedPort === null ? undefined : await RedisProxy.start(redis.proxiedPort, outside);
  const zkProxies =
    role === 'scheduler'
      ? await Promise.all(zookeeper.servers.map((server) => ZkProxy.start(server.port, outside)))
      : [];
  const address = host?.innerAddress ?? '127.0.0.1';
  const redisUrl = redisProxy?.url ?? redis.url;
  const cluster = redis.kind;
  const main = ['start', '--roles', role, '--port', String(port)];
  const member = new Member({
    name,
    role,
    args:
      role === 'worker'
        ? [WORKER, build, redisUrl, cluster, join(folder, `${name}.runs.ndjson`)]
        : [join(build, 'main.js'), ...main],
    env: {
      CLOUDJOB_REDIS: redisUrl,
      ...(zkProxies.length > 0 ? { CLOUDJOB_ZOOKEEPER: zkProxies.map((proxy) => proxy.address).join(',') } : {}),
      CLOUDJOB_CLUSTER: cluster,
      CLOUDJOB_HOST: address,
      CLOUDJOB_API_KEY: API_KEY,
      CLOUDJOB_SHARDS: String(SHARDS),
      CLOUDJOB_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
    },
    ...(role === 'worker' ? {} : { url: `http://${address}:${port}` }),
    logFile: join(folder, `${name}.log`),
    host,
  });
  member.redisProxy = redisProxy;
  member.zkProxies = zkProxies;
  return member;
}
