import { FencedError } from '../domain/errors.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { Probe } from '../runtime/probe.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { EventBus } from '../store/event-bus.js';
import type { ExecutionStore } from '../store/execution-store.js';
import { ExecutionCleaner } from './execution-cleaner.js';
import { ExecutionRescuer } from './execution-rescuer.js';

export interface ShardUpkeepDeps {
  readonly store: Pick<ExecutionStore, 'wakeTimes' | 'requeueRetries' | 'rescueExpired' | 'deleteExpired'>;
  readonly term: LeadershipTerm;
  readonly events: EventBus;
  readonly clusterClock: ClusterClock;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

/** Leases end without a hint: looked for this often. */
const INTERVAL_MS: DurationMs = 1000;
/** Between two looks at an instant that has come by our estimate of the clock, but not yet by the store's. */
const SHORTEST_WAIT_MS: DurationMs = 5;
const RETRY_LIMIT = 500;

/**
 * What a leader does besides firing: retries are queued when their delay has passed, executions are taken
 * back from expired leases, old records are deleted. Sleeps until the first of these is due.
 */
export class ShardUpkeep extends PeriodicLoop {
  constructor(deps: ShardUpkeepDeps) {
    const duties = { rescuer: new ExecutionRescuer(deps), cleaner: new ExecutionCleaner(deps), cleanedAt: -Infinity };
    super(
      { clock: deps.clock, logger: deps.logger, runOnce: () => runOnce(deps, duties) },
      { name: `shard-upkeep-${deps.term.shard}`, intervalMs: INTERVAL_MS },
    );
  }
}

interface Duties {
  readonly rescuer: ExecutionRescuer;
  readonly cleaner: ExecutionCleaner;
  /** Monotonic. */
  cleanedAt: number;
}

async function runOnce(deps: ShardUpkeepDeps, duties: Duties): Promise<number> {
  try {
    return await pass(deps, duties);
  } catch (error) {
    if (!(error instanceof FencedError)) throw error;
    deps.metrics.fencedWrites.inc();
    deps.term.end('fenced');
    return INTERVAL_MS;
  }
}

/** Returns how long nothing is to be done. */
async function pass({ store, term, clusterClock, clock, probe }: ShardUpkeepDeps, duties: Duties): Promise<number> {
  const { retryAt, leaseAt, expiryAt } = await store.wakeTimes(term.shard);
  // Asked after each wait for the store, right before each write.
  const isDue = (at: number | null): boolean => at !== null && at <= clusterClock.now() && term.isTrusted();
  let count = 0;
  if (isDue(retryAt)) count += await store.requeueRetries(term.shard, term.epoch, RETRY_LIMIT);
  if (isDue(leaseAt)) count += await duties.rescuer.runOnce();
  if (isDue(expiryAt) && clock.monotonicNow() - duties.cleanedAt >= INTERVAL_MS) {
    const deleted = await duties.cleaner.runOnce();
    count += deleted;
    if (deleted === 0) duties.cleanedAt = clock.monotonicNow();
  }
  probe.signal('upkeep', { shard: term.shard, count });
  if (count > 0) return 0;
  if (!term.isTrusted()) return INTERVAL_MS;
  const nextAt = Math.min(retryAt ?? Infinity, leaseAt ?? Infinity);
  return Math.max(nextAt - clusterClock.now(), SHORTEST_WAIT_MS);
}
