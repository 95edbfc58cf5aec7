import { backfillKeyOf, planBackfill, type Backfill } from '../domain/backfill.js';
import { FencedError } from '../domain/errors.js';
import { splitJobKey } from '../domain/job.js';
import type { DurationMs } from '../domain/time/instant.js';
import { compileTrigger, triggerKeyOf } from '../domain/trigger.js';
import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { Probe } from '../runtime/probe.js';
import { ENDED_BACKFILL_MS, type BackfillStore } from '../store/backfill-store.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { JobStore } from '../store/job-store.js';
import type { CalendarBook } from './calendar-book.js';
import type { CatchUpPace } from './catch-up-pace.js';

export interface ShardBackfillerDeps {
  readonly backfills: BackfillStore;
  readonly jobs: Pick<JobStore, 'getJob'>;
  readonly calendars: Pick<CalendarBook, 'compiled'>;
  readonly pace: CatchUpPace;
  readonly term: LeadershipTerm;
  readonly clusterClock: ClusterClock;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

export interface ShardBackfillerConfig {
  /** Late fires of live triggers come first. */
  readonly isCatchingUp: () => boolean;
}

/** A new backfill is announced by a hint, which may be lost. */
const INTERVAL_MS: DurationMs = 5000;
/** Between two looks at whether the execution before has ended. */
const BUSY_MS: DurationMs = 100;
const YIELD_MS: DurationMs = 200;

/**
 * Works through the backfills of a shard, a step of each in turn, at the pace of catching up and after what is
 * late. How far each has come is stored with every step, so that the next leader goes on where this one stopped.
 * A pause of the job holds its backfills too.
 */
export class ShardBackfiller extends PeriodicLoop {
  constructor(deps: ShardBackfillerDeps, config: ShardBackfillerConfig) {
    super(
      { clock: deps.clock, logger: deps.logger, runOnce: () => runOnce(deps, config) },
      { name: `shard-backfiller-${deps.term.shard}`, intervalMs: INTERVAL_MS },
    );
  }
}

/** Returns how long nothing is to be done. */
async function runOnce(deps: ShardBackfillerDeps, config: ShardBackfillerConfig): Promise<number> {
  try {
    return await pass(deps, config);
  } catch (error) {
    if (!(error instanceof FencedError)) throw error;
    deps.metrics.fencedWrites.inc();
    deps.term.end('fenced');
    return INTERVAL_MS;
  }
}

async function pass(deps: ShardBackfillerDeps, { isCatchingUp }: ShardBackfillerConfig): Promise<number> {
  const { backfills, pace, term, clusterClock, probe } = deps;
  if (!term.isTrusted()) return INTERVAL_MS;
  const all = await backfills.readBackfills(term.shard);
  await dropOld(deps, all);
  const running = all.filter(({ state }) => state === 'running');
  let waitMs = INTERVAL_MS;
  for (const backfill of running) {
    const now = clusterClock.now();
    if (isCatchingUp()) return YIELD_MS;
    if (now < pace.freeAt) return Math.ceil(pace.freeAt - now);
    if (!term.isTrusted()) return INTERVAL_MS;
    waitMs = Math.min(waitMs, await step(deps, backfill));
  }
  probe.signal('backfilled', { shard: term.shard, running: running.length });
  return waitMs;
}

async function step(deps: ShardBackfillerDeps, backfill: Backfill): Promise<number> {
  const { backfills, jobs, pace, term, clusterClock, logger, metrics } = deps;
  const { shard, epoch } = term;
  const job = await jobs.getJob(backfill.job);
  if (!term.isTrusted()) return INTERVAL_MS;
  if (job === null) {
    await backfills.endBackfill(shard, epoch, backfillKeyOf(backfill), 'job-deleted');
    return 0;
  }
  if (job.pause !== undefined) return INTERVAL_MS;
  const compiled = compile(deps, backfill);
  if (compiled === null) return INTERVAL_MS;
  const planned = planBackfill(backfill, { job, shard, compiled, limit: pace.stepSize });
  const outcome = await backfills.stepBackfill(shard, epoch, planned);
  if (outcome === 'busy') return BUSY_MS;
  if (outcome === 'stepped') {
    pace.spend(clusterClock.now(), planned.fires.length);
    metrics.backfillFires.inc(planned.fires.length);
    if (planned.isLast) logger.info('backfill-done', { shard, backfill: planned.backfill });
  }
  return 0;
}

/** Null while a calendar is missing, or the zone is unknown to this member. */
function compile({ calendars, logger }: ShardBackfillerDeps, { job, trigger, id, definition }: Backfill) {
  try {
    const { namespace } = splitJobKey(job);
    const named = calendars.compiled(namespace, definition.calendars ?? [], definition.timeZone);
    return compileTrigger(triggerKeyOf(job, trigger), definition, named);
  } catch (error) {
    logger.error('backfill-undecidable', { job, backfill: id, error });
    return null;
  }
}

async function dropOld(
  { backfills, term, clusterClock }: ShardBackfillerDeps,
  all: readonly Backfill[],
): Promise<void> {
  const endedBefore = clusterClock.now() - ENDED_BACKFILL_MS;
  const old = all.filter(({ finishedAt }) => finishedAt !== undefined && finishedAt < endedBefore);
  if (old.length > 0 && term.isTrusted()) await backfills.dropBackfills(term.shard, term.epoch, old.map(backfillKeyOf));
}
