import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { AppModule } from './app.module.js';
import { createHttpApp } from './api/http-app.js';
import { StoreClient } from './client/store-client.js';
import { CometService } from './comet/comet.service.js';
import { DEFAULT_CONNECTION_TIMING } from './comet/connection.js';
import { Gate } from './comet/gate.js';
import type { Mailbox } from './comet/mailbox.js';
import { MemoryMailbox } from './comet/memory/memory-mailbox.js';
import { MessageSender } from './comet/message-sender.js';
import { RedisMailbox } from './comet/redis/redis-mailbox.js';
import { Tickets } from './comet/tickets.js';
import type { Config, Role } from './config.js';
import type { Epoch } from './domain/shard.js';
import { HttpServer } from './api/http-server.js';
import type { Fitness, LeaderElector } from './leader/leader-elector.js';
import { RedlockElector } from './leader/redlock-elector.js';
import { RedlockLeases } from './leader/redlock-leases.js';
import { StaticElector } from './leader/static-elector.js';
import { ZooKeeperElector } from './leader/zookeeper-elector.js';
import { RemindersService } from './reminders/reminders.service.js';
import type { Clock } from './runtime/clock.js';
import type { Logger } from './runtime/logger.js';
import type { Metrics } from './runtime/metrics.js';
import type { Probe } from './runtime/probe.js';
import type { Service } from './runtime/service.js';
import { ServiceGroup } from './runtime/service-group.js';
import { ClockFitness } from './scheduler/clock-fitness.js';
import { SchedulerService } from './scheduler/scheduler.service.js';
import { NodeAnnouncer } from './store/node-announcer.js';
import { MemoryStores } from './store/memory/memory-stores.js';
import { leaseKey } from './store/redis/keys.js';
import { RedisStores } from './store/redis/redis-stores.js';
import type { Stores } from './store/stores.js';
import { HandlerRegistry } from './workers/handler-registry.js';
import { HttpCaller } from './workers/http-target.js';
import { PushCaller } from './workers/push-target.js';
import { WorkerService } from './workers/worker.service.js';

export interface NodeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

/** Connections that one comet process takes; memory is about 8 KiB each. */
const MAX_CONNECTIONS = 100_000;

/** A whole process, put together but not started. */
export interface ComposedNode {
  readonly services: ServiceGroup;
  readonly stores: Stores;
  readonly http: HttpServer;
  readonly tickets: Tickets;
  readonly remindersOf: (namespace: string) => RemindersService;
}

/**
 * Makes the parts of one process and binds them to each other: the only function that knows all of them.
 * Services start in the order of the list and stop in reverse; the reason stands beside each.
 */
export function composeNode(config: Config & { readonly apiKey: string }, deps: NodeDeps): ComposedNode {
  const { clock, logger, metrics, probe } = deps;
  const id = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
  const has = (role: Role): boolean => config.roles.includes(role);
  const { stores, mailbox } = openStorage(config, deps);
  const tickets = new Tickets({ clock }, { apiKey: config.apiKey });
  const sender = new MessageSender({ mailbox, logger, metrics });
  const gate = new Gate(
    { registry: stores.registry, clock, logger, random: Math.random },
    { heartbeatMs: DEFAULT_CONNECTION_TIMING.pingMs },
  );
  const remindersOf = (namespace: string): RemindersService =>
    new RemindersService({
      client: new StoreClient({ stores, metrics }, { namespace }),
      clusterClock: stores.clusterClock,
    });
  const comet: CometService | undefined = has('comet')
    ? new CometService(
        { mailbox, tickets, registry: stores.registry, clock, logger, metrics, probe },
        {
          node: id,
          url: () => config.publicUrl ?? http.url,
          allowedOrigins: config.origins,
          maxConnections: MAX_CONNECTIONS,
          timing: DEFAULT_CONNECTION_TIMING,
          drainMs: config.drainMs,
        },
      )
    : undefined;

  const members: Service[] = [stores, gate];
  // Workers before the scheduler: what is fired finds somebody. Stopped after it: nothing new comes in meanwhile.
  if (has('worker')) members.push(composeWorker(id, stores, sender, { config, deps }));
  if (has('scheduler')) members.push(...composeScheduler(id, stores, { config, deps }));
  if (has('api')) members.push(announcer('api', id, { ...deps, stores }));
  const parts = { stores, mailbox, sender, tickets, gate, remindersOf, comet, clock, logger, metrics };
  const http: HttpServer = new HttpServer(
    {
      createApp: () =>
        createHttpApp(
          AppModule.of({ ...parts, services: members, servesApi: has('api') }),
          { metrics },
          { apiKey: config.apiKey, openMetrics: config.openMetrics },
        ),
      ...(comet === undefined ? {} : { onUpgrade: comet.handleUpgrade.bind(comet) }),
    },
    config,
  );
  // The port after everything that it serves, and connections after the port: a comet node is offered to users only
  // when it can be reached, and moves them away before the server, which waits for its sockets, closes.
  members.push(http, ...(comet === undefined ? [] : [comet]));
  return { services: new ServiceGroup('cloudjob', members), stores, http, tickets, remindersOf };
}

function openStorage(config: Config, { clock, logger, metrics }: NodeDeps): { stores: Stores; mailbox: Mailbox } {
  if (config.redis === null) {
    const stores = new MemoryStores({ clock }, { shardCount: config.shardCount });
    return { stores, mailbox: new MemoryMailbox({ clock }) };
  }
  const stores = new RedisStores(
    { clock, logger, metrics },
    {
      redis: config.redis,
      cluster: config.cluster,
      shardCount: config.shardCount,
      requireDurability: !config.allowVolatileRedis,
    },
  );
  const mailbox = new RedisMailbox(
    { connection: stores.connection, pubSub: stores.pubSub },
    { cluster: config.cluster },
  );
  return { stores, mailbox };
}

interface Context {
  readonly config: Config;
  readonly deps: NodeDeps;
}

function composeWorker(worker: string, stores: Stores, sender: MessageSender, { config, deps }: Context): Service {
  return new WorkerService(
    {
      ...deps,
      stores,
      handlers: new HandlerRegistry(),
      http: new HttpCaller(deps, { allowPrivateTargets: config.allowPrivateTargets }),
      push: new PushCaller({ sender }),
    },
    {
      worker,
      queues: config.queues,
      concurrency: config.concurrency,
      leaseMs: config.leaseMs,
      drainMs: config.drainMs,
    },
  );
}

function composeScheduler(member: string, stores: Stores, { config, deps }: Context): Service[] {
  const fitness = new ClockFitness(
    { ...deps, clusterClock: stores.clusterClock },
    { maxSkewMs: config.maxClockSkewMs },
  );
  const elector = composeElector(member, stores, { config, deps, fitness });
  const scheduler = new SchedulerService({ ...deps, stores, elector, fitness }, config);
  // Announced first: without ZooKeeper the members are those that have announced themselves, unless they may not lead.
  return [fitness, announcer('scheduler', member, { ...deps, stores, refusal: () => fitness.refusal() }), scheduler];
}

function composeElector(
  member: string,
  stores: Stores,
  { config, deps, fitness }: Context & { readonly fitness: Fitness },
): LeaderElector {
  const { executions, registry } = stores;
  const { shardCount } = config;
  const raised = new Map<number, Epoch>();
  const raiseEpoch = async (shard: number): Promise<Epoch> => {
    const epoch = await executions.raiseFence(shard, member, raised.get(shard));
    raised.set(shard, epoch);
    return epoch;
  };
  if (config.zookeeper !== null) {
    const readFence = async (shard: number): Promise<number> => (await executions.readFence(shard)).epoch;
    return new ZooKeeperElector(
      { ...deps, readFence, fitness },
      {
        servers: config.zookeeper,
        cluster: config.cluster,
        member,
        shardCount,
        sessionTimeoutMs: config.sessionTimeoutMs,
        facts: { host: hostname(), pid: process.pid },
        ...(config.zookeeperAuth === null ? {} : { auth: config.zookeeperAuth }),
      },
    );
  }
  if (stores instanceof RedisStores) {
    const leases = new RedlockLeases(
      { clock: deps.clock, clients: [stores.connection.client] },
      { callTimeoutMs: config.sessionTimeoutMs / 4 },
    );
    const listMembers = async () => {
      const nodes = await registry.list('scheduler');
      return nodes.filter(({ facts }) => facts['refusal'] === undefined).map(({ id }) => id);
    };
    return new RedlockElector(
      { ...deps, leases, raiseEpoch, listMembers, fitness },
      {
        member,
        shardCount,
        leaseMs: config.sessionTimeoutMs,
        leaseName: (shard) => leaseKey(config.cluster, shard),
      },
    );
  }
  return new StaticElector({ ...deps, raiseEpoch }, { member, shardCount });
}

function announcer(
  role: 'api' | 'scheduler',
  id: string,
  { stores, clock, logger, refusal }: NodeDeps & { readonly stores: Stores; readonly refusal?: () => string | null },
): NodeAnnouncer {
  const facts = () => {
    const refused = refusal?.() ?? null;
    const fixed = { host: hostname(), pid: process.pid, tz: process.versions['tz'] ?? 'unknown' };
    return refused === null ? fixed : { ...fixed, refusal: refused };
  };
  return new NodeAnnouncer({ registry: stores.registry, clock, logger, facts }, { role, id });
}
