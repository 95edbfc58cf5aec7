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
import type { JobStore } from '../store/job-store.js';
import { ExecutionCleaner } from './execution-cleaner.js';
import { ExecutionRescuer } from './execution-rescuer.js';

export interface ShardUpkeepDeps {
  readonly store: Pick<ExecutionStore, 'wakeTimes' | 'requeueRetries' | 'rescueExpired' | 'deleteExpired'>;
  readonly jobs: Pick<JobStore, 'refreshCopies'>;
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
/** How long a copy of a partitioned job may differ from its home after a writer died half way. */
const REFRESH_MS: DurationMs = 30_000;

/**
 * What a leader does besides firing: retries are queued when their delay has passed, executions are taken
 * back from expired leases, old records are deleted, copies of partitioned jobs are compared. Sleeps until the first of these is due.
 */
export class ShardUpkeep extends PeriodicLoop {
  constructor(deps: ShardUpkeepDeps) {
    const times = { cleanedAt: -Infinity, refreshedAt: -Infinity };
    const duties = { rescuer: new ExecutionRescuer(deps), cleaner: new ExecutionCleaner(deps), ...times };
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
  /** Monotonic. */
  refreshedAt: number;
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
async function pass(deps: ShardUpkeepDeps, duties: Duties): Promise<number> {
  const { store, term, clusterClock, clock, probe } = deps;
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
  if (clock.monotonicNow() - duties.refreshedAt >= REFRESH_MS && term.isTrusted()) await refresh(deps, duties);
  probe.signal('upkeep', { shard: term.shard, count });
  if (count > 0) return 0;
  if (!term.isTrusted()) return INTERVAL_MS;
  const nextAt = Math.min(retryAt ?? Infinity, leaseAt ?? Infinity);
  return Math.max(nextAt - clusterClock.now(), SHORTEST_WAIT_MS);
}

/** The home of a copy may be out of reach; the other duties go on. */
async function refresh({ jobs, term, clock, logger }: ShardUpkeepDeps, duties: Duties): Promise<void> {
  duties.refreshedAt = clock.monotonicNow();
  try {
    const count = await jobs.refreshCopies(term.shard);
    if (count > 0) logger.warn('job-copies-refreshed', { shard: term.shard, count });
  } catch (error) {
    logger.warn('job-copies-not-refreshed', { shard: term.shard, error });
  }
}
