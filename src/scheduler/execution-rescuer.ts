import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { Metrics } from '../runtime/metrics.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { EventBus } from '../store/event-bus.js';
import type { ExecutionStore } from '../store/execution-store.js';

export interface ExecutionRescuerDeps {
  readonly store: Pick<ExecutionStore, 'rescueExpired'>;
  readonly term: LeadershipTerm;
  readonly events: EventBus;
  readonly clusterClock: ClusterClock;
  readonly metrics: Metrics;
}

const LIMIT = 500;

/** Takes back executions whose worker let the lease run out: they run again, or fail when no attempt is left. */
export class ExecutionRescuer {
  readonly #deps: ExecutionRescuerDeps;

  constructor(deps: ExecutionRescuerDeps) {
    this.#deps = deps;
  }

  /** Returns how many were taken back. */
  async runOnce(): Promise<number> {
    const { store, term, events, clusterClock, metrics } = this.#deps;
    const { requeued, failed, cancelled } = await store.rescueExpired(term.shard, term.epoch, LIMIT);
    const count = requeued + failed + cancelled;
    if (count === 0) return 0;
    metrics.rescues.inc({ outcome: 'requeued' }, requeued);
    metrics.rescues.inc({ outcome: 'failed' }, failed);
    metrics.rescues.inc({ outcome: 'cancelled' }, cancelled);
    const facts = { shard: term.shard, epoch: term.epoch, requeued, failed, cancelled };
    events.publish([{ type: 'rescued', at: Math.floor(clusterClock.now()), facts }]);
    return count;
  }
}
