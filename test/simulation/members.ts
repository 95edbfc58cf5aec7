import { ZooKeeperElector } from '../../src/leader/zookeeper-elector.js';
import type { ZooKeeperClient } from '../../src/leader/zookeeper-client.js';
import { StoreClient } from '../../src/client/store-client.js';
import { delay } from '../../src/runtime/clock.js';
import { silentLogger, type Logger } from '../../src/runtime/logger.js';
import type { Metrics } from '../../src/runtime/metrics.js';
import { silentProbe } from '../../src/runtime/probe.js';
import { SchedulerService } from '../../src/scheduler/scheduler.service.js';
import { HandlerRegistry } from '../../src/workers/handler-registry.js';
import type { JobContext } from '../../src/workers/job-context.js';
import { WorkerService } from '../../src/workers/worker.service.js';
import { localClusterClock } from '../../src/store/cluster-clock.js';
import type { Auditor } from './auditor.js';
import type { NetworkLink } from './network-link.js';
import { SimProcess } from './sim-process.js';
import type { SimStore, StoreConnection } from './sim-store.js';
import type { Simulation } from './simulation.js';
import type { SimZooKeeper } from './sim-zookeeper.js';
import { SimZooKeeperClient, ZooKeeperLink } from './sim-zookeeper-client.js';

export interface World {
  readonly sim: Simulation;
  readonly store: SimStore;
  readonly zookeeper: SimZooKeeper;
  readonly auditor: Auditor;
  readonly metrics: Metrics;
}

/** A process of the cluster, as the faults see it. */
export interface Member {
  readonly role: 'scheduler' | 'worker';
  readonly process: SimProcess;
  readonly link: NetworkLink;
  readonly zookeeper: ZooKeeperLink | null;
  /** Is what it believes to lead still its own? To be asked at any time at which it could act. */
  checkTrust(): void;
  /** SIGTERM: it ends by itself. */
  stop(): void;
  /** kill -9 */
  kill(): void;
}

export const HANDLER = 'work';
/** Its executions outlive their lease more often. */
const SLOW_JOB = 'job-1';
export const CLUSTER = 'sim';
/** Who changes definitions; also settles what is due of a trigger that is written anew. */
export const OPERATOR = 'operator';

export interface SchedulerConfig {
  readonly name: string;
  readonly sessionTimeoutMs: number;
  readonly skewMs: number;
}

/** `onExit`: it has ended by itself, asked to or not. */
export function startScheduler(world: World, config: SchedulerConfig, onExit: () => void): Member {
  const { sim, store, zookeeper, metrics } = world;
  const process = new SimProcess(sim, config.name, config);
  const connection = store.connect(process, metrics);
  const zookeeperLink = new ZooKeeperLink(sim, zookeeper, process);
  const { executions } = connection.stores;
  const common = { clock: process, logger: loggerOf(sim, config.name), metrics, probe: silentProbe };
  const elector = new ZooKeeperElector(
    {
      ...common,
      readFence: async (shard) => (await executions.readFence(shard)).epoch,
      newClient: (listener, asked) =>
        new SimZooKeeperClient(zookeeperLink, listener, asked) as unknown as ZooKeeperClient,
    },
    {
      servers: 'zk1:2181,zk2:2181,zk3:2181',
      cluster: CLUSTER,
      member: config.name,
      shardCount: store.shards.length,
      sessionTimeoutMs: config.sessionTimeoutMs,
      facts: {},
    },
  );
  const scheduler = new SchedulerService({ ...common, stores: connection.stores, elector });
  const checkTrust = (): void => {
    if (!process.isAlive || process.isPaused) return;
    const trusted = [...elector.terms().values()].filter((term) => term.isTrusted());
    world.auditor.checkTrust(
      process,
      trusted.map(({ shard }) => shard),
    );
  };
  process.onResumed = checkTrust;
  const parts = { process, connection, zookeeperLink, service: scheduler, checkTrust, onExit };
  return life(world, { role: 'scheduler', ...parts });
}

export interface WorkerConfig {
  readonly name: string;
  readonly leaseMs: number;
  readonly concurrency: number;
  readonly skewMs: number;
}

export function startWorker(world: World, config: WorkerConfig, onExit: () => void): Member {
  const { sim, store, metrics } = world;
  const process = new SimProcess(sim, config.name, config);
  const connection = store.connect(process, metrics);
  const handlers = new HandlerRegistry();
  handlers.register(HANDLER, (context) => work(world, process, { context, leaseMs: config.leaseMs }));
  const service = new WorkerService(
    {
      // Only events for people carry its estimate of the store's clock.
      stores: { ...connection.stores, clusterClock: localClusterClock(process) },
      handlers,
      ...{ clock: process, logger: loggerOf(sim, config.name), metrics, probe: silentProbe },
    },
    {
      worker: config.name,
      queues: ['default'],
      concurrency: config.concurrency,
      leaseMs: config.leaseMs,
      drainMs: 5000,
    },
  );
  const parts = { process, connection, zookeeperLink: null, service, checkTrust: () => undefined, onExit };
  return life(world, { role: 'worker', ...parts });
}

/** Somebody who changes definitions, through the same client as the API does. */
export function startOperator({ sim, store, metrics }: World): {
  client: StoreClient;
  link: NetworkLink;
  process: SimProcess;
} {
  const process = new SimProcess(sim, OPERATOR);
  const connection = store.connect(process, metrics);
  const stores = { ...connection.stores, clusterClock: localClusterClock(store.process) };
  return { client: new StoreClient({ stores }, { namespace: 'sim' }), link: connection.link, process };
}

interface Parts {
  readonly role: Member['role'];
  readonly process: SimProcess;
  readonly connection: StoreConnection;
  readonly zookeeperLink: ZooKeeperLink | null;
  readonly service: { start(): Promise<void>; stop(): Promise<void> };
  readonly checkTrust: () => void;
  readonly onExit: () => void;
}

function life({ sim }: World, parts: Parts): Member {
  const { role, process, connection, zookeeperLink, service, checkTrust, onExit } = parts;
  const { clusterClock, link } = connection;
  const kill = (): void => {
    if (!process.isAlive) return;
    process.kill();
    connection.close();
    zookeeperLink?.die();
  };
  const exit = (how: string): void => {
    if (!process.isAlive) return;
    sim.note(() => `${process.name} ended: ${how}`);
    kill();
    onExit();
  };
  let isStopping = false;
  const begin = async (): Promise<void> => {
    if (role === 'scheduler') await clusterClock.start();
    await service.start();
  };
  const end = async (): Promise<void> => {
    await service.stop();
    await clusterClock.stop();
  };
  sim.schedule(0, process, () => {
    begin().catch((error: unknown) => {
      if (!isStopping) exit(`start refused: ${String(error)}`);
    });
  });
  const stop = (): void => {
    isStopping = true;
    sim.schedule(0, process, () => {
      end().then(
        () => exit('stopped'),
        (error: unknown) => exit(`stopped with ${String(error)}`),
      );
    });
  };
  return { role, process, link, zookeeper: zookeeperLink, checkTrust, stop, kill };
}

/** A handler as they are: mostly short, sometimes longer than its lease, sometimes failing, sometimes deaf to its signal. */
async function work(
  { sim, auditor }: World,
  process: SimProcess,
  { context, leaseMs }: { readonly context: JobContext; readonly leaseMs: number },
): Promise<string> {
  const { random } = sim;
  const { executionId: id, attempt, job, signal } = context;
  const isLong = random.chance(job === SLOW_JOB ? 0.3 : 0.04);
  const durationMs = isLong ? leaseMs * 3 * random.next() : 2000 * random.next() ** 3;
  const isDeaf = random.chance(0.1);
  const fails = random.chance(0.08);
  const end = auditor.executions.handlerStarted(process, { id, attempt }, sim.now);
  signal.addEventListener('abort', end, { once: true });
  try {
    await delay(process, durationMs, isDeaf ? undefined : signal);
  } finally {
    end();
  }
  if (fails) throw new Error('this attempt fails');
  return 'done';
}

function loggerOf(sim: Simulation, name: string): Logger {
  const write =
    (level: string) =>
    (event: string, fields: object = {}): void =>
      sim.note(() => `${name} ${level} ${event} ${describe(fields)}`);
  const logger: Logger = {
    ...silentLogger,
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => logger,
  };
  return logger;
}

function describe(fields: object): string {
  const plain = (_key: string, value: unknown): unknown => {
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    return typeof value === 'bigint' ? value.toString() : value;
  };
  return JSON.stringify(fields, plain).slice(0, 300);
}
