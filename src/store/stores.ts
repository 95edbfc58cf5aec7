import type { BackfillStore } from './backfill-store.js';
import type { CalendarStore } from './calendar-store.js';
import type { ClusterClock } from './cluster-clock.js';
import type { EventBus } from './event-bus.js';
import type { ExecutionStore } from './execution-store.js';
import type { JobStore } from './job-store.js';
import type { NodeRegistry } from './node-registry.js';
import type { PlanningStore } from './planning-store.js';
import type { ProgressStore } from './progress-store.js';
import type { ReconcileStore } from './reconcile-store.js';
import type { Service } from '../runtime/service.js';

/** Everything that one cluster stores, behind its ports. Start it before use, stop it last. */
export interface Stores extends Service {
  readonly jobs: JobStore;
  readonly executions: ExecutionStore;
  readonly calendars: CalendarStore;
  readonly backfills: BackfillStore;
  readonly planning: PlanningStore;
  readonly reconciling: ReconcileStore;
  readonly progress: ProgressStore;
  readonly registry: NodeRegistry;
  readonly events: EventBus;
  readonly clusterClock: ClusterClock;
}
