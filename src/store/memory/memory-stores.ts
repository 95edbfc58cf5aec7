import { DEFAULT_SHARD_COUNT } from '../../domain/shard.js';
import type { Clock } from '../../runtime/clock.js';
import { Service } from '../../runtime/service.js';
import { localClusterClock, type ClusterClock } from '../cluster-clock.js';
import type { Stores } from '../stores.js';
import { MemoryBackfillStore } from './memory-backfill-store.js';
import { MemoryCalendarStore } from './memory-calendar-store.js';
import { MemoryEventBus } from './memory-event-bus.js';
import { MemoryExecutionStore } from './memory-execution-store.js';
import { MemoryHints } from './memory-hints.js';
import { MemoryJobStore } from './memory-job-store.js';
import { MemoryNodeRegistry } from './memory-node-registry.js';
import { MemoryPlanningStore } from './memory-planning-store.js';
import { MemoryProgressStore } from './memory-progress-store.js';
import { MemoryReconcileStore } from './memory-reconcile-store.js';
import { MemoryShard } from './memory-shard.js';

/**
 * All stores in this process: the embedded default, and the readable statement of what the ports mean. Its
 * content ends with the process; each call is one step of the event loop, and so atomic.
 */
export class MemoryStores extends Service implements Stores {
  readonly name = 'memory-stores';
  readonly jobs: MemoryJobStore;
  readonly executions: MemoryExecutionStore;
  readonly calendars: MemoryCalendarStore;
  readonly backfills: MemoryBackfillStore;
  readonly planning: MemoryPlanningStore;
  readonly reconciling = new MemoryReconcileStore();
  readonly progress: MemoryProgressStore;
  readonly registry: MemoryNodeRegistry;
  readonly events = new MemoryEventBus();
  readonly clusterClock: ClusterClock;
  /** What the ports work on, for those who watch it. */
  readonly shards: readonly MemoryShard[];

  constructor({ clock }: { clock: Clock }, { shardCount = DEFAULT_SHARD_COUNT }: { shardCount?: number } = {}) {
    super();
    const hints = new MemoryHints();
    const shards = Array.from({ length: shardCount }, (_, id) => new MemoryShard(id, hints));
    this.shards = shards;
    this.jobs = new MemoryJobStore({ shards, clock });
    this.executions = new MemoryExecutionStore({ shards, clock, hints });
    this.backfills = new MemoryBackfillStore({ shards, clock });
    this.calendars = new MemoryCalendarStore({ clock });
    this.planning = new MemoryPlanningStore({ shards, clock });
    this.progress = new MemoryProgressStore({ shards });
    this.registry = new MemoryNodeRegistry({ clock });
    this.clusterClock = localClusterClock(clock);
  }

  protected async onStart(): Promise<void> {
    // Nothing to open.
  }

  protected async onStop(): Promise<void> {
    // Nothing to close.
  }
}
