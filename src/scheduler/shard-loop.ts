import { FencedError } from '../domain/errors.js';
import type { KnownProgress } from '../domain/shard-progress.js';
import type { ShardId } from '../domain/shard.js';
import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { ShardCheckpoints } from '../leader/shard-checkpoints.js';
import { delay, type CancelTimer, type Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { Probe } from '../runtime/probe.js';
import { Service } from '../runtime/service.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { BackfillStore } from '../store/backfill-store.js';
import type { EventBus } from '../store/event-bus.js';
import type { ExecutionStore, Unsubscribe } from '../store/execution-store.js';
import type { JobStore } from '../store/job-store.js';
import type { PlanningStore } from '../store/planning-store.js';
import type { ProgressStore } from '../store/progress-store.js';
import type { CalendarBook } from './calendar-book.js';
import { FireDispatcher } from './fire-dispatcher.js';
import { CatchUpPace } from './catch-up-pace.js';
import { FirePlanner } from './fire-planner.js';
import { FireReporter } from './fire-reporter.js';
import type { PlannedFire } from './planned-fire.js';
import { RESIGN_AFTER_MS, RollbackGuard } from './rollback-guard.js';
import { ShardBackfiller } from './shard-backfiller.js';
import { ShardReplanner } from './shard-replanner.js';
import { ShardUpkeep } from './shard-upkeep.js';

export interface ShardLoopDeps {
  readonly store: ExecutionStore;
  readonly planning: PlanningStore;
  readonly backfills: BackfillStore;
  readonly jobs: Pick<JobStore, 'getJob' | 'refreshCopies'>;
  readonly calendars: CalendarBook;
  readonly progress: ProgressStore;
  readonly checkpoints: ShardCheckpoints | undefined;
  /** What this process knows of the store, from term to term. */
  readonly memory: Map<ShardId, KnownProgress>;
  readonly term: LeadershipTerm;
  readonly events: EventBus;
  readonly clusterClock: ClusterClock;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

export interface ShardLoopConfig {
  /** Release of this member's time zone data. */
  readonly tz: string;
  /** Late fires released per second by all shards together; each has an equal part. @default 2000 */
  readonly catchUpPerSecond?: number;
}

export const DEFAULT_CATCH_UP_PER_SECOND = 2000;

const BATCH_SIZE = 500;
/** Different triggers may be written side by side; one trigger is never in two batches at once. */
const MAX_BATCHES_IN_FLIGHT = 4;
/** Between two looks at a term that is not trusted now but not over either. */
const TRUST_CHECK_MS: DurationMs = 50;
/** The clock of the store may be set while the loop sleeps by the monotonic one. */
const LONGEST_SLEEP_MS: DurationMs = 5000;
const FIRST_ERROR_WAIT_MS: DurationMs = 50;
const LONGEST_ERROR_WAIT_MS: DurationMs = 2000;
/** A store that does not answer must not delay the hand-over. */
const LONGEST_STOP_MS: DurationMs = 500;

/**
 * Leads one shard for one term:
 *
 *   nothing lost? ──▶ seal the fence ──▶ read what is due since the stored watermarks ──▶ fire ⇄ sleep until the next instant
 *
 * Sleeps until the next decision or the next read is due by the cluster's clock; a hint that a trigger was
 * written wakes it. Reading ahead and writing go on side by side. Nothing is written while the term is not
 * trusted, and nothing at all once it has ended. `start` resolves when the shard fires, and tries until then.
 */
export class ShardLoop extends Service {
  readonly name: string;
  readonly #deps: ShardLoopDeps;
  readonly #planner: FirePlanner;
  readonly #guard: RollbackGuard;
  readonly #dispatcher: FireDispatcher;
  readonly #reporter: FireReporter;
  readonly #upkeep: ShardUpkeep;
  readonly #replanner: ShardReplanner;
  readonly #backfiller: ShardBackfiller;
  readonly #writes = new Set<Promise<void>>();
  #read: Promise<void> | undefined;
  #readFailures = 0;
  /** Not before the fence is sealed and the stored watermarks are known. */
  #mayFire = false;
  #readNotBefore = -Infinity;
  #cancelTimer: CancelTimer | undefined;
  #unsubscribe: Unsubscribe | undefined;
  #forgetCalendars: (() => void) | undefined;

  constructor(deps: ShardLoopDeps, { tz, catchUpPerSecond = DEFAULT_CATCH_UP_PER_SECOND }: ShardLoopConfig) {
    super();
    const { shard } = deps.term;
    this.name = `shard-${shard}`;
    this.#deps = deps;
    const pace = new CatchUpPace({ perSecond: catchUpPerSecond / deps.store.shardCount });
    this.#planner = new FirePlanner({ ...deps, pace }, { shard });
    this.#guard = new RollbackGuard(deps);
    this.#dispatcher = new FireDispatcher({ ...deps, store: this.#guard });
    this.#backfiller = new ShardBackfiller({ ...deps, pace }, { isCatchingUp: () => this.#planner.isCatchingUp() });
    this.#reporter = new FireReporter(deps);
    this.#upkeep = new ShardUpkeep(deps);
    const [onMoved, isSettled] = [() => this.#onHint(), () => !this.#planner.hasOldInFlight()];
    this.#replanner = new ShardReplanner(deps, { tz, onMoved, isSettled });
  }

  /** How long the earliest decision has been due. */
  lagMs(): DurationMs {
    const nextAt = this.#planner.oldestDueAt();
    return nextAt === null ? 0 : Math.max(0, Math.round(this.#deps.clusterClock.now() - nextAt));
  }

  /** Something was written that came with no hint. */
  lookAgain(): void {
    this.#onHint();
  }

  protected async onStart(): Promise<void> {
    const { store, term, probe, logger } = this.#deps;
    const { shard, epoch, member } = term;
    await this.#untilDone(() => this.#guard.compare());
    await this.#untilDone(() => store.sealFence(shard, epoch, member));
    await this.#untilDone(() => this.#guard.start());
    this.#unsubscribe = await this.#untilDone(() => store.onShardChanged(shard, () => this.#onHint()));
    await this.#untilDone(() => this.#deps.calendars.refresh());
    this.#forgetCalendars = this.#deps.calendars.onChanged(() => this.#onCalendars());
    await this.#untilDone(() => this.#readOnce());
    await this.#upkeep.start();
    await this.#replanner.start();
    await this.#backfiller.start();
    logger.info('shard-led', { shard, epoch });
    probe.signal('shard-ready', { shard, epoch });
    this.#mayFire = true;
    this.#step();
  }

  protected async onStop(): Promise<void> {
    const { store, term, clock, logger, metrics } = this.#deps;
    this.#cancelTimer?.();
    this.#forgetCalendars?.();
    const wound = new AbortController();
    const windUp = async (): Promise<void> => {
      await Promise.allSettled([
        this.#guard.stop(),
        this.#upkeep.stop(),
        this.#replanner.stop(),
        this.#backfiller.stop(),
        this.#read,
        ...this.#writes,
      ]);
      await this.#unsubscribe?.().catch(() => undefined);
      if (term.ended.reason !== 'fenced') await store.releaseFence(term.shard, term.epoch).catch(onRefused);
    };
    // Best effort. Refused where another leader has raised the fence: that is how a leader that was paused learns
    // that it has been replaced.
    const onRefused = (error: unknown): void => {
      if (error instanceof FencedError) metrics.fencedWrites.inc();
      logger.info('fence-not-released', { shard: term.shard, epoch: term.epoch, error });
    };
    await Promise.race([windUp().finally(() => wound.abort()), delay(clock, LONGEST_STOP_MS, wound.signal)]);
  }

  #onHint(): void {
    this.#planner.outdate();
    this.#upkeep.wake();
    this.#backfiller.wake();
    this.#step();
  }

  #onCalendars(): void {
    this.#planner.calendarsChanged();
    this.#replanner.wake();
    this.#step();
  }

  /** Begins everything that is due now, and sets the timer for what comes next. */
  #step(): void {
    if (this.stopSignal.aborted || !this.#mayFire) return;
    this.#cancelTimer?.();
    const { term, clusterClock, clock } = this.#deps;
    if (!term.isTrusted()) {
      if (!term.ended.aborted) this.#cancelTimer = clock.setTimer(TRUST_CHECK_MS, () => this.#step());
      return;
    }
    const now = clusterClock.now();
    if (this.#read === undefined && now >= this.#planner.nextReadAt()) this.#beginRead();
    while (this.#writes.size < MAX_BATCHES_IN_FLIGHT) {
      const batch = this.#planner.take(now, BATCH_SIZE);
      if (batch.length === 0) break;
      this.#beginWrite(batch);
    }
    const nextAt = this.#nextInstant();
    if (nextAt !== Infinity) {
      const waitMs = Math.min(Math.ceil(nextAt - clusterClock.now()), LONGEST_SLEEP_MS);
      this.#cancelTimer = clock.setTimer(Math.max(0, waitMs), () => this.#step());
    }
  }

  /** What is under way calls `step` at its end, so it is not waited for here. */
  #nextInstant(): EpochMs {
    const canWrite = this.#writes.size < MAX_BATCHES_IN_FLIGHT;
    const sendAt = canWrite ? (this.#planner.nextSendAt() ?? Infinity) : Infinity;
    return Math.min(sendAt, this.#read === undefined ? this.#planner.nextReadAt() : Infinity);
  }

  #beginRead(): void {
    const { clock, logger } = this.#deps;
    const waitMs = this.#readNotBefore - clock.monotonicNow();
    const read = waitMs > 0 ? delay(clock, waitMs, this.stopSignal).then(() => this.#readOnce()) : this.#readOnce();
    this.#read = read
      .then(() => void (this.#readFailures = 0))
      .catch((error: unknown) => {
        if (this.stopSignal.aborted || this.#endedBy(error)) return;
        this.#planner.outdate();
        this.#readNotBefore = clock.monotonicNow() + errorWaitMs(this.#readFailures++);
        logger.warn('read-ahead-failed', { shard: this.#deps.term.shard, error });
      })
      .then(() => {
        this.#read = undefined;
        this.#step();
      });
  }

  async #readOnce(): Promise<void> {
    const { store, term, logger } = this.#deps;
    const orphans = await this.#planner.readAhead();
    if (orphans.length === 0 || !term.isTrusted() || this.stopSignal.aborted) return;
    logger.warn('orphan-triggers-dropped', { shard: term.shard, count: orphans.length, first: orphans[0] });
    await store.dropOrphans(term.shard, term.epoch, orphans);
  }

  #beginWrite(batch: readonly PlannedFire[]): void {
    const write: Promise<void> = this.#write(batch).then(() => {
      this.#writes.delete(write);
      this.#step();
    });
    this.#writes.add(write);
  }

  async #write(batch: readonly PlannedFire[]): Promise<void> {
    const decisions = batch.map(({ decision }) => decision);
    const answer = await this.#dispatcher.send(decisions, this.stopSignal);
    if (answer === null) {
      this.#planner.release(batch);
      return;
    }
    for (const [index, planned] of batch.entries()) {
      const result = answer.results[index];
      if (result === undefined) this.#planner.release([planned]);
      else if (result === null) this.#planner.passBy(planned);
      else this.#planner.settle(planned, result);
    }
    this.#reporter.report(decisions, answer);
  }

  /** Repeats until it succeeds, the term ends, which it does after a while, or the loop is stopped. */
  async #untilDone<T>(what: () => Promise<T>): Promise<T> {
    const { clock, logger, term } = this.#deps;
    const giveUpAt = clock.monotonicNow() + RESIGN_AFTER_MS;
    for (let failures = 0; ; failures++) {
      this.stopSignal.throwIfAborted();
      if (clock.monotonicNow() >= giveUpAt) term.end('resigned');
      term.ended.throwIfAborted();
      try {
        return await what();
      } catch (error) {
        if (this.#endedBy(error)) throw error;
        if (failures === 0) logger.warn('shard-start-delayed', { shard: term.shard, error });
        await delay(clock, errorWaitMs(failures), this.stopSignal);
      }
    }
  }

  #endedBy(error: unknown): boolean {
    if (!(error instanceof FencedError)) return false;
    this.#deps.metrics.fencedWrites.inc();
    this.#deps.term.end('fenced');
    return true;
  }
}

function errorWaitMs(failures: number): DurationMs {
  return Math.min(FIRST_ERROR_WAIT_MS * 2 ** failures, LONGEST_ERROR_WAIT_MS);
}
