import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import {
  freePorts,
  startRedis,
  startZooKeeper,
  type RedisServer,
  type ZooKeeperEnsemble,
} from '../../scripts/servers.mjs';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { RedisStores } from '../../src/store/redis/redis-stores.js';
import { RedisProxy } from '../support/redis-proxy.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export const API_KEY = 'test-key-0123456789-abcdefghijklmnopqrstuvwxyz';

/** A real process of `cloudjob start`, and what it has written. */
export class NodeProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly log: string[] = [];
  readonly #ready: Promise<void>;

  constructor(roles: string, port: number, env: Record<string, string>) {
    this.url = `http://127.0.0.1:${port}`;
    this.child = spawn(process.execPath, [MAIN, 'start', '--roles', roles, '--port', String(port)], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ready = new Promise((resolve, reject) => {
      const onLine = (text: string): void => {
        this.log.push(text);
        if (text.includes('ready')) resolve();
      };
      if (this.child.stdout !== null) createInterface({ input: this.child.stdout }).on('line', onLine);
      if (this.child.stderr !== null)
        createInterface({ input: this.child.stderr }).on('line', (text) => this.log.push(text));
      this.child.on('exit', (code, signal) =>
        reject(new Error(`ended (${code ?? signal}): ${this.log.slice(-5).join('\n')}`)),
      );
    });
    this.#ready.catch(() => undefined);
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends the process and waits until it is gone. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGCONT');
    this.child.kill(signal);
    await exited;
  }

  async get(path: string): Promise<unknown> {
    const response = await fetch(`${this.url}${path}`, { headers: { authorization: `Bearer ${API_KEY}` } });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.headers.get('content-type')?.includes('json') === true ? response.json() : response.text();
  }

  /** Sum of the samples of one metric series. */
  async metric(name: string): Promise<number> {
    const text = String(await this.get('/metrics'));
    const samples = text.split('\n').filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)));
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}

export interface ClusterOptions {
  readonly schedulers?: number;
  readonly workers?: number;
  readonly shards?: number;
  readonly sessionTimeoutMs?: number;
  /** Each scheduler of the start reaches Redis through a proxy of its own. */
  readonly proxied?: boolean;
  readonly env?: Record<string, string>;
}

/** Real servers, real processes, one cluster; `close` ends and deletes all of it. */
export class TestCluster {
  readonly redis: RedisServer;
  readonly zookeeper: ZooKeeperEnsemble;
  readonly schedulers: NodeProcess[];
  readonly workers: readonly NodeProcess[];
  /** The cluster's stores as this process sees them. */
  readonly stores: RedisStores;

  readonly #variables: Record<string, string>;
  readonly #proxies: readonly RedisProxy[];

  private constructor(
    parts: Pick<TestCluster, 'redis' | 'zookeeper' | 'schedulers' | 'workers' | 'stores'>,
    variables: Record<string, string>,
    proxies: readonly RedisProxy[],
  ) {
    this.#variables = variables;
    this.#proxies = proxies;
    this.redis = parts.redis;
    this.zookeeper = parts.zookeeper;
    this.schedulers = parts.schedulers;
    this.workers = parts.workers;
    this.stores = parts.stores;
  }

  static async start(options: ClusterOptions = {}): Promise<TestCluster> {
    const { schedulers = 2, workers = 0, shards = 1, sessionTimeoutMs = 2000, proxied = false, env = {} } = options;
    const [redis, zookeeper] = await Promise.all([startRedis(), startZooKeeper({ tickTimeMs: 200 })]);
    const variables = {
      CLOUDJOB_REDIS: redis.url,
      CLOUDJOB_ZOOKEEPER: zookeeper.connectString,
      CLOUDJOB_CLUSTER: 'test',
      CLOUDJOB_API_KEY: API_KEY,
      CLOUDJOB_SHARDS: String(shards),
      CLOUDJOB_SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
      CLOUDJOB_LOG_LEVEL: 'info',
      ...env,
    };
    const ports = await freePorts(schedulers + workers);
    const links = ports.slice(0, proxied ? schedulers : 0);
    const proxies = await Promise.all(links.map(() => RedisProxy.start(redis.port)));
    const nodes = ports.map((port, i) => {
      const own = { ...variables, CLOUDJOB_REDIS: proxies[i]?.url ?? variables.CLOUDJOB_REDIS };
      return new NodeProcess(i < schedulers ? 'scheduler' : 'worker', port, own);
    });
    const stores = new RedisStores(
      { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
      { redis: redis.url, cluster: 'test', shardCount: shards, requireDurability: true },
    );
    const roles = { schedulers: nodes.slice(0, schedulers), workers: nodes.slice(schedulers) };
    const cluster = new TestCluster({ redis, zookeeper, stores, ...roles }, variables, proxies);
    try {
      await Promise.all(nodes.map((node) => node.ready()));
      await stores.start();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Starts one more scheduler. */
  async join(): Promise<NodeProcess> {
    const [port = 0] = await freePorts(1);
    const node = new NodeProcess('scheduler', port, this.#variables);
    this.schedulers.push(node);
    await node.ready();
    return node;
  }

  /** The scheduler process that sealed the fence of the shard last. */
  async leaderOf(shard: number): Promise<NodeProcess> {
    const { member } = await this.stores.executions.readFence(shard);
    // A member's id ends with its process id and a random part.
    const leader = this.schedulers.find((node) => member?.split('-').at(-2) === String(node.child.pid));
    if (leader === undefined) throw new Error(`shard ${shard} is led by ${String(member)}, which is none of ours`);
    return leader;
  }

  /** What stands between a scheduler of a `proxied` cluster and Redis. */
  proxyOf(scheduler: NodeProcess): RedisProxy {
    const proxy = this.#proxies[this.schedulers.indexOf(scheduler)];
    if (proxy === undefined) throw new Error(`${scheduler.url} reaches Redis without a proxy`);
    return proxy;
  }

  async close(): Promise<void> {
    await this.stores.stop().catch(() => undefined);
    await Promise.all([...this.schedulers, ...this.workers].map((node) => node.end()));
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    await Promise.all([this.redis.stop(), this.zookeeper.stop()]);
  }
}
