import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { Metrics } from '../../runtime/metrics.js';
import { ServiceGroup } from '../../runtime/service-group.js';
import { Service } from '../../runtime/service.js';
import type { Stores } from '../stores.js';
import { untilReachable } from '../until-reachable.js';
import { openCluster } from './cluster-meta.js';
import { RedisConnection } from './connection.js';
import { checkServer } from './durability-check.js';
import { JobCopies } from './job-copies.js';
import { JobSweeper } from './job-sweeper.js';
import { checkClusterName } from './keys.js';
import { RedisPubSub } from './pub-sub.js';
import { RedisBackfillStore } from './redis-backfill-store.js';
import { RedisCalendarStore } from './redis-calendar-store.js';
import { RedisClusterClock } from './redis-cluster-clock.js';
import type { RedisSource } from './redis-clients.js';
import { RedisEventBus } from './redis-event-bus.js';
import { RedisExecutionStore } from './redis-execution-store.js';
import { RedisJobStore } from './redis-job-store.js';
import { RedisLayout } from './redis-layout.js';
import { RedisNodeRegistry } from './redis-node-registry.js';
import { RedisPlanningStore } from './redis-planning-store.js';
import { RedisProgressStore } from './redis-progress-store.js';
import { RedisReconcileStore } from './redis-reconcile-store.js';
import { SCRIPT_FOLDER, SCRIPT_NAMES } from './script-manifest.js';
import { ScriptRunner } from './script-runner.js';
import { ShardHints } from './shard-hints.js';
import { ShardSweep } from './shard-sweep.js';

export interface RedisStoresConfig {
  readonly redis: RedisSource;
  /** Name of the cluster: everything it stores is under keys of this name. */
  readonly cluster: string;
  /** Only looked at when the cluster is created; later it may be left out, and must not differ. @default 16 */
  readonly shardCount?: number | undefined;
  /** Refuse to create the cluster. @default false */
  readonly mustExist?: boolean | undefined;
  /** Refuse a Redis that could lose what it acknowledged: without append-only file, or with eviction. */
  readonly requireDurability: boolean;
}

/**
 * All stores in Redis.
 * Errors of `start`: `StoreUnavailableError` (also `CJ_REDIS_REFUSED` for a server that is not set up as needed),
 * `ConfigError` for a cluster that was created otherwise. Errors of the constructor: `ConfigError`.
 */
export class RedisStores extends Service implements Stores {
  readonly name = 'redis-stores';
  readonly jobs: RedisJobStore;
  readonly executions: RedisExecutionStore;
  readonly calendars: RedisCalendarStore;
  readonly backfills: RedisBackfillStore;
  readonly planning: RedisPlanningStore;
  readonly reconciling: RedisReconcileStore;
  readonly progress: RedisProgressStore;
  readonly registry: RedisNodeRegistry;
  readonly events: RedisEventBus;
  readonly clusterClock: RedisClusterClock;
  /** For other parts that keep data of their own in the same Redis. */
  readonly connection: RedisConnection;
  readonly pubSub: RedisPubSub;
  readonly #layout: RedisLayout;
  readonly #clock: Clock;
  readonly #config: RedisStoresConfig;
  readonly #services: ServiceGroup;

  constructor(
    { clock, logger, metrics }: { clock: Clock; logger: Logger; metrics: Metrics },
    config: RedisStoresConfig,
  ) {
    super();
    const { redis: source, cluster } = config;
    this.#clock = clock;
    this.#config = config;
    const connection = new RedisConnection({ clock, logger, metrics }, { source });
    const pubSub = new RedisPubSub({ clock, logger }, { source });
    const layout = new RedisLayout(checkClusterName(cluster));
    const scripts = new ScriptRunner({ connection }, { folder: SCRIPT_FOLDER, names: SCRIPT_NAMES });
    const shardSweep = new ShardSweep({ connection, scripts, layout });
    const copies = new JobCopies({ connection, scripts, layout, shardSweep });
    const sweeper = new JobSweeper({ connection, layout, copies, shardSweep });
    const hints = new ShardHints({ pubSub, layout });
    this.connection = connection;
    this.pubSub = pubSub;
    this.#layout = layout;
    this.jobs = new RedisJobStore({ connection, scripts, layout, sweeper, copies });
    this.executions = new RedisExecutionStore({ connection, scripts, layout, sweeper, hints });
    this.backfills = new RedisBackfillStore({ connection, scripts, layout });
    this.calendars = new RedisCalendarStore({ connection, scripts }, { cluster });
    this.planning = new RedisPlanningStore({ connection, scripts, layout });
    this.reconciling = new RedisReconcileStore({ scripts, layout });
    this.progress = new RedisProgressStore({ connection, scripts, layout });
    this.registry = new RedisNodeRegistry({ connection }, { cluster });
    this.events = new RedisEventBus({ connection, pubSub }, { cluster });
    this.clusterClock = new RedisClusterClock({ clock, logger, metrics, connection, pubSub });
    this.#services = new ServiceGroup('redis', [connection, pubSub, this.clusterClock]);
  }

  protected async onStart(): Promise<void> {
    await this.#services.start();
    const { cluster, shardCount, mustExist = false, requireDurability } = this.#config;
    const shards = await untilReachable({ clock: this.#clock, signal: this.stopSignal }, async () => {
      await checkServer(this.connection, requireDurability);
      return openCluster(this.connection, { cluster, shardCount, mustExist });
    });
    this.#layout.open(shards);
  }

  protected onStop(): Promise<void> {
    return this.#services.stop();
  }

  protected override isReady(): boolean {
    return super.isReady() && this.connection.describe().ready;
  }

  protected override details(): Readonly<Record<string, unknown>> {
    return { ...this.connection.describe().details, offsetMs: Math.round(this.clusterClock.offsetMs()) };
  }
}
