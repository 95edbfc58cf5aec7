import type { KnownProgress } from '../domain/shard-progress.js';
import type { ShardId } from '../domain/shard.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { Fitness, LeaderElector } from '../leader/leader-elector.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { Probe } from '../runtime/probe.js';
import { Service } from '../runtime/service.js';
import type { Stores } from '../store/stores.js';
import { CalendarBook } from './calendar-book.js';
import { Reconciler } from './reconciler.js';
import { DEFAULT_CATCH_UP_PER_SECOND, ShardLoop } from './shard-loop.js';

export interface SchedulerServiceDeps {
  readonly stores: Pick<
    Stores,
    | 'executions'
    | 'events'
    | 'clusterClock'
    | 'calendars'
    | 'planning'
    | 'reconciling'
    | 'progress'
    | 'backfills'
    | 'jobs'
  >;
  readonly elector: LeaderElector;
  /** What the elector asks; shown as the reason why this service is not ready. @default always fit */
  readonly fitness?: Fitness;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

export interface SchedulerServiceConfig {
  /** From one comparison of a shard's queues and indexes with its records to the next. @default 3600000 */
  readonly reconcileMs?: DurationMs;
  /** Late fires released per second by all shards together. @default 2000 */
  readonly catchUpPerSecond?: number;
}

export const DEFAULT_RECONCILE_MS: DurationMs = 3_600_000;

/**
 * The role `scheduler`: leads whatever shards the elector wins, each in a loop of its own, so that the trouble
 * of one never stops another. Starts and stops the elector.
 */
export class SchedulerService extends Service {
  readonly name = 'scheduler';
  readonly #deps: SchedulerServiceDeps;
  readonly #loops = new Map<LeadershipTerm, ShardLoop>();

  readonly #calendars: CalendarBook;
  readonly #reconciler: Reconciler;
  readonly #memory = new Map<ShardId, KnownProgress>();
  readonly #catchUpPerSecond: number;

  constructor(deps: SchedulerServiceDeps, config: SchedulerServiceConfig = {}) {
    super();
    this.#deps = deps;
    this.#catchUpPerSecond = config.catchUpPerSecond ?? DEFAULT_CATCH_UP_PER_SECOND;
    const { calendars, events, reconciling, planning, executions, clusterClock } = deps.stores;
    this.#calendars = new CalendarBook({ calendars, events, clock: deps.clock, logger: deps.logger });
    this.#reconciler = new Reconciler(
      { ...deps, events, reconciling, planning, executions, clusterClock, calendars: this.#calendars },
      { intervalMs: config.reconcileMs ?? DEFAULT_RECONCILE_MS },
    );
  }

  protected async onStart(): Promise<void> {
    this.#deps.elector.onTerm((term) => this.#lead(term));
    await this.#calendars.start();
    await this.#reconciler.start();
    await this.#deps.elector.start();
  }

  protected async onStop(): Promise<void> {
    // Firing ends first, so that nothing is under way when the shards are handed over.
    const stopped = await Promise.allSettled([...this.#loops.values()].map((loop) => loop.stop()));
    await this.#deps.elector.stop();
    await this.#reconciler.stop();
    await this.#calendars.stop();
    const errors = stopped.filter((result) => result.status === 'rejected').map((result): unknown => result.reason);
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} shards did not stop cleanly`);
  }

  protected override notReadyBecause(): string | null {
    return this.#deps.fitness?.refusal() ?? null;
  }

  protected override details(): Readonly<Record<string, unknown>> {
    const shards = [...this.#loops].map(([term, loop]) => ({
      shard: term.shard,
      epoch: term.epoch,
      isFiring: loop.state === 'running',
      lagMs: loop.lagMs(),
    }));
    return { shards: shards.sort((a, b) => a.shard - b.shard) };
  }

  #lead(term: LeadershipTerm): void {
    if (this.stopSignal.aborted || term.ended.aborted) return;
    const { stores, logger, elector } = this.#deps;
    const { executions: store, planning, progress, events, clusterClock, backfills, jobs } = stores;
    const rollback = { progress, checkpoints: elector.checkpoints, memory: this.#memory };
    const loop = new ShardLoop(
      {
        ...this.#deps,
        ...rollback,
        store,
        backfills,
        jobs,
        planning,
        calendars: this.#calendars,
        events,
        clusterClock,
        term,
      },
      { tz: process.versions.tz ?? 'unknown', catchUpPerSecond: this.#catchUpPerSecond },
    );
    this.#loops.set(term, loop);
    term.ended.addEventListener('abort', () => void this.#leave(term, loop), { once: true });
    loop.start().then(
      () => {
        this.#announce(term, { isLeading: true });
        if (!term.ended.aborted) this.#reconciler.add(term, () => loop.lookAgain());
      },
      (error: unknown) => {
        if (this.stopSignal.aborted || term.ended.aborted) return;
        logger.error('shard-not-led', { shard: term.shard, epoch: term.epoch, error });
        term.end('lost');
      },
    );
  }

  async #leave(term: LeadershipTerm, loop: ShardLoop): Promise<void> {
    const { logger } = this.#deps;
    await loop.stop().catch((error: unknown) => logger.error('shard-stop-failed', { shard: term.shard, error }));
    this.#loops.delete(term);
    this.#reconciler.remove(term);
    this.#announce(term, { isLeading: false, reason: String(term.ended.reason) });
  }

  #announce({ shard, epoch, member }: LeadershipTerm, facts: { isLeading: boolean; reason?: string }): void {
    const { events, clusterClock } = this.#deps.stores;
    const at = Math.floor(clusterClock.now());
    events.publish([{ type: 'leader-changed', at, facts: { shard, epoch, member, ...facts } }]);
    this.#deps.probe.signal('leader-changed', { shard, epoch, ...facts });
  }
}
