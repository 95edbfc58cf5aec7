import { setImmediate as nextTurn } from 'node:timers/promises';
import { FencedError } from '../domain/errors.js';
import { replannedDueAt } from '../domain/replan.js';
import type { DurationMs } from '../domain/time/instant.js';
import { compileTrigger, jobKeyOfTrigger, type Trigger } from '../domain/trigger.js';
import { splitJobKey } from '../domain/job.js';
import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { Probe } from '../runtime/probe.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { EventBus } from '../store/event-bus.js';
import type { DueChange, Planning, PlanningStore } from '../store/planning-store.js';
import type { CalendarBook } from './calendar-book.js';

export interface ShardReplannerDeps {
  readonly planning: PlanningStore;
  readonly calendars: Pick<CalendarBook, 'compiled' | 'changedAt' | 'revision'>;
  readonly term: LeadershipTerm;
  readonly events: EventBus;
  readonly clusterClock: ClusterClock;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

export interface ShardReplannerConfig {
  /** Release of this member's time zone data. */
  readonly tz: string;
  /** Due instants have moved: what was read ahead is out of date. */
  readonly onMoved: () => void;
  /** False while fires are being written that were decided with other calendars: each also writes what follows it. */
  readonly isSettled: () => boolean;
}

const INTERVAL_MS: DurationMs = 5000;
/** Between two pages, so that fires come first. */
const PAUSE_MS: DurationMs = 2;
const LONGEST_TURN_MS: DurationMs = 5;

interface Scan {
  readonly target: Planning;
  readonly withCalendars: boolean;
  cursor: string | null;
  scanned: number;
  moved: number;
}

/**
 * Keeps the due instants of a shard in step with the calendars and with the zone data. The shard remembers
 * with what they were worked out (`Planning`); where that is not what this leader has, all triggers concerned
 * are read page by page, and those whose next fire has moved get their new due instant. Then the shard is
 * noted as planned. Whatever happens in between (a new leader, another change), it begins anew, and ends with
 * the same result: a page only writes where something differs, and only over what it was read from.
 *
 * Fires do not wait for it: the planner asks the changed calendars at each fire, so that an excluded time
 * does not fire even if its page has not come yet.
 */
export class ShardReplanner extends PeriodicLoop {
  constructor(deps: ShardReplannerDeps, config: ShardReplannerConfig) {
    const work = new Replanning(deps, config);
    super(
      { clock: deps.clock, logger: deps.logger, runOnce: () => work.runOnce() },
      { name: `shard-replanner-${deps.term.shard}`, intervalMs: INTERVAL_MS },
    );
  }
}

class Replanning {
  readonly #deps: ShardReplannerDeps;
  readonly #config: ShardReplannerConfig;
  /** As stored; undefined before it was read. */
  #planned: Planning | null | undefined;
  #scan: Scan | null = null;

  constructor(deps: ShardReplannerDeps, config: ShardReplannerConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  /** One page. Returns how long nothing is to be done. */
  async runOnce(): Promise<number> {
    const { term, metrics } = this.#deps;
    try {
      return await this.#pass();
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      metrics.fencedWrites.inc();
      term.end('fenced');
      return INTERVAL_MS;
    }
  }

  async #pass(): Promise<number> {
    const { planning, calendars, term } = this.#deps;
    if (!term.isTrusted()) return INTERVAL_MS;
    this.#planned ??= await planning.readPlanning(term.shard);
    const target: Planning = { tz: this.#config.tz, calendars: calendars.revision };
    if (isSame(this.#planned, target)) {
      this.#scan = null;
      return INTERVAL_MS;
    }
    if (!this.#config.isSettled()) return PAUSE_MS;
    const scan = this.#scan !== null && isSame(this.#scan.target, target) ? this.#scan : this.#begin(target);
    this.#scan = scan;
    await this.#page(scan);
    if (scan.cursor !== null) return PAUSE_MS;
    if (!term.isTrusted()) return INTERVAL_MS;
    await planning.recordPlanning(term.shard, term.epoch, target);
    this.#end(scan);
    return 0;
  }

  #begin(target: Planning): Scan {
    const { term, logger } = this.#deps;
    const planned = this.#planned ?? null;
    // Other zone data may move any trigger; other calendars only those that name some.
    const withCalendars = planned !== null && planned.tz === target.tz;
    logger.info('replanning-started', { shard: term.shard, from: planned, to: target });
    return { target, withCalendars, cursor: null, scanned: 0, moved: 0 };
  }

  async #page(scan: Scan): Promise<void> {
    const { planning, term, metrics } = this.#deps;
    const { triggers, nextCursor } = await planning.scanTriggers(term.shard, scan);
    const changes = await this.#changesOf(triggers, scan);
    if (changes.length > 0 && term.isTrusted()) {
      const moved = await planning.moveDue(term.shard, term.epoch, changes);
      metrics.replanned.inc(moved);
      scan.moved += moved;
      if (moved > 0) this.#config.onMoved();
    }
    scan.scanned += triggers.length;
    scan.cursor = nextCursor;
  }

  async #changesOf(triggers: readonly Trigger[], scan: Scan): Promise<readonly DueChange[]> {
    const { clock } = this.#deps;
    const changes: DueChange[] = [];
    let turnBeganAt = clock.monotonicNow();
    for (const trigger of triggers) {
      const change = this.#changeOf(trigger, scan);
      if (change !== null) changes.push(change);
      // Fires that are due meanwhile do not wait for a page: to find that nothing is left may take 20 ms for one trigger.
      if (clock.monotonicNow() - turnBeganAt < LONGEST_TURN_MS) continue;
      await nextTurn();
      turnBeganAt = clock.monotonicNow();
    }
    return changes;
  }

  #changeOf(trigger: Trigger, { withCalendars }: Scan): DueChange | null {
    const { calendars, clusterClock, logger } = this.#deps;
    const { key, definition, state } = trigger;
    try {
      const { namespace } = splitJobKey(jobKeyOfTrigger(key));
      const names = definition.calendars ?? [];
      const compiled = compileTrigger(key, definition, calendars.compiled(namespace, names, definition.timeZone));
      const now = Math.floor(clusterClock.now());
      // Nobody knows since when the zone data is in force; a calendar is, since its change was acknowledged.
      const changedAt = withCalendars ? Math.min(now, calendars.changedAt(namespace, names)) : now;
      const dueAt = replannedDueAt(trigger, compiled, changedAt);
      if (dueAt === undefined) return null;
      const { version, watermark } = state;
      return { trigger: key, expected: { version, watermark, dueAt: trigger.dueAt ?? null }, dueAt };
    } catch (error) {
      // It stays as it is, and is reported again when it becomes due.
      logger.warn('trigger-not-replanned', { trigger: key, error });
      return null;
    }
  }

  #end({ target, scanned, moved }: Scan): void {
    const { term, events, clusterClock, logger, probe } = this.#deps;
    this.#planned = target;
    this.#scan = null;
    const facts = { shard: term.shard, epoch: term.epoch, scanned, moved, ...target };
    logger.info('replanning-done', facts);
    if (moved > 0) events.publish([{ type: 'replanned', at: Math.floor(clusterClock.now()), facts }]);
    probe.signal('replanned', facts);
  }
}

function isSame(a: Planning | null | undefined, b: Planning): boolean {
  return a?.tz === b.tz && a.calendars === b.calendars;
}
