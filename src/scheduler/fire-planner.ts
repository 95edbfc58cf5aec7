import { setImmediate as nextTurn } from 'node:timers/promises';
import { planFires } from '../domain/fire-plan.js';
import { splitJobKey, type Job, type JobKey } from '../domain/job.js';
import { undecidedTimes } from '../domain/replan.js';
import type { ShardId } from '../domain/shard.js';
import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import { compileTrigger, jobKeyOfTrigger, type Trigger, type TriggerKey } from '../domain/trigger.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { DueBatch, ExecutionStore, FireResult } from '../store/execution-store.js';
import type { CalendarBook } from './calendar-book.js';
import type { CatchUpPace } from './catch-up-pace.js';
import { CatchUpQueue } from './catch-up-queue.js';
import { isLate, LATE_AFTER_MS, type PlannedFire } from './planned-fire.js';

export interface FirePlannerDeps {
  readonly store: Pick<ExecutionStore, 'readDue'>;
  readonly calendars: Pick<CalendarBook, 'compiled' | 'revision'>;
  readonly pace: CatchUpPace;
  readonly clusterClock: ClusterClock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface FirePlannerConfig {
  readonly shard: ShardId;
  /** Triggers per read. */
  readonly readLimit?: number;
}

/** How far ahead decisions are made. */
export const READ_AHEAD_MS: DurationMs = 1000;
/** The next read comes this long before the first trigger that is not known yet. */
const READ_LEAD_MS: DurationMs = 500;
/** Hints may be lost: without any, the store is read again after this long. */
export const SAFETY_READ_MS: DurationMs = 5000;
/** A decision that could not be sent for this long is made again, so that the misfire policy sees the delay. */
const REPLAN_AFTER_MS: DurationMs = 1000;
/** A clock that goes back by more was set; by less, it was measured better. */
const SET_BACK_MS: DurationMs = 1000;
/** A trigger that cannot be decided here is tried again after this long. */
const RETRY_UNDECIDABLE_MS: DurationMs = 60_000;
/** A backlog of which few are known still is read again this long after the last read. */
const BACKLOG_READ_MS: DurationMs = 200;
const RETRY_STALE_MS: DurationMs = 1000;
const PLANS_PER_TURN = 500;
/** Records per write, besides the decisions themselves: a backlog must not make one write endless. */
const MAX_RECORDS_PER_BATCH = 1000;

/**
 * Keeps the coming decisions of one shard: a mirror of its due triggers up to about a second ahead, with what
 * is to be written for each already worked out. After a fire the trigger's next decision follows from the
 * result without another read. A trigger is either planned or in flight, never both, so its decisions are
 * written in order. What the mirror does not know (edits, pauses, deletions after the read) the store finds
 * by comparison, answers `stale`, and the planner reads again.
 *
 * Late fires (after an outage) wait apart and are released at the pace of catching up. Those that are on time
 * never wait for them, except behind late ones of the same trigger, where all are to be made up for.
 *
 * A trigger that cannot be decided here (its zone is unknown to this member) is passed by and tried again
 * later; the others go on.
 */
export class FirePlanner {
  readonly #deps: FirePlannerDeps;
  readonly #config: FirePlannerConfig;
  /** Ascending by `sendAt`. */
  #planned: PlannedFire[] = [];
  readonly #late: CatchUpQueue;
  /** More triggers may be overdue than are known here. */
  #isBacklogged = false;
  /** What is due before this instant was not read: what is known of it stays. */
  #unreadBefore: EpochMs = -Infinity;
  readonly #inFlight = new Map<TriggerKey, PlannedFire>();
  /** Triggers settled since the read under way began: what it says about them may be old. */
  #settledSinceRead = new Set<TriggerKey>();
  #passedBy = new Map<TriggerKey, { readonly expected: string; readonly until: EpochMs }>();
  readonly #stale = new Map<TriggerKey, string>();
  /** The mirror is complete for due instants before this one. */
  #coveredUntil: EpochMs = 0;
  #readAt: EpochMs = -Infinity;
  #nextReadAt: EpochMs = -Infinity;
  #isTruncated = false;
  #isOutdated = false;
  /** The latest instant up to which decisions were taken. */
  #takenAt: EpochMs = -Infinity;

  constructor(deps: FirePlannerDeps, config: FirePlannerConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#late = new CatchUpQueue(deps.pace);
  }

  /** Null when nothing waits. */
  nextSendAt(): EpochMs | null {
    const nextAt = Math.min(this.#planned[0]?.sendAt ?? Infinity, this.#late.nextAt() ?? Infinity);
    return nextAt === Infinity ? null : nextAt;
  }

  /** Since when the oldest decision has been due, or will be; null when nothing waits. */
  oldestDueAt(): EpochMs | null {
    return this.#late.entries()[0]?.sendAt ?? this.#planned[0]?.sendAt ?? null;
  }

  /** Are late fires still to be made up for? */
  isCatchingUp(): boolean {
    return this.#isBacklogged || this.#late.size > 0;
  }

  nextReadAt(): EpochMs {
    const isDrained = this.#isTruncated && this.#planned.length < this.#readLimit / 4;
    if (this.#isOutdated || isDrained) return -Infinity;
    const isBacklogDrained = this.#isBacklogged && !this.#hasManyLate();
    return isBacklogDrained ? Math.min(this.#nextReadAt, this.#readAt + BACKLOG_READ_MS) : this.#nextReadAt;
  }

  /** Something was written of which the mirror does not know. */
  outdate(): void {
    this.#isOutdated = true;
  }

  /** What was decided with other calendars is decided anew before it is sent, also what they made undecidable. */
  calendarsChanged(): void {
    this.#passedBy.clear();
    this.outdate();
  }

  /** Is there a decision under way that was made with other calendars? Its next due instant is of old. */
  hasOldInFlight(): boolean {
    return [...this.#inFlight.values()].some((planned) => this.#hasOldCalendars(planned));
  }

  /** Brings the mirror up to date. One call at a time. Returns triggers whose job is gone. */
  async readAhead(): Promise<readonly TriggerKey[]> {
    this.#isOutdated = false;
    this.#settledSinceRead = new Set();
    // From here on it takes note of what fires that are settled meanwhile ask for: the answer may not show that.
    this.#nextReadAt = Infinity;
    const limit = this.#readLimit + this.#passedBy.size;
    const until = this.#deps.clusterClock.now() + READ_AHEAD_MS;
    const batch = await this.#readDue(until, limit);
    const plans = await this.#planAll(batch.triggers, batch.jobs);
    const following = batch.followingDueAt ?? Infinity;
    this.#isTruncated = following <= until;
    this.#coveredUntil = Math.min(until + 1, following);
    this.#readAt = this.#deps.clusterClock.now();
    this.#nextReadAt = Math.min(this.#nextReadAt, this.#readAt + SAFETY_READ_MS);
    if (!this.#isTruncated) this.#nextReadAt = Math.min(this.#nextReadAt, following - READ_LEAD_MS);
    this.#install(plans);
    for (const { until: retryAt } of this.#passedBy.values()) this.#nextReadAt = Math.min(this.#nextReadAt, retryAt);
    return batch.triggers.filter((trigger) => !batch.jobs.has(jobKeyOfTrigger(trigger.key))).map(({ key }) => key);
  }

  /** Decisions whose instant has come, earliest first, then late ones; each stays in flight until it is settled or released. */
  take(now: EpochMs, limit: number): readonly PlannedFire[] {
    const { pace, metrics } = this.#deps;
    this.#noteSetBack(now);
    const taken: PlannedFire[] = [];
    let records = 0;
    const isFull = (): boolean => taken.length >= limit || records >= MAX_RECORDS_PER_BATCH;
    const add = (planned: PlannedFire): void => {
      taken.push(planned);
      records += planned.decision.fires.length + planned.decision.missed.length;
      this.#inFlight.set(planned.trigger.key, planned);
    };
    for (const planned of this.#late.takeOnTime(now)) this.#insert(this.#plan(planned.trigger, planned.job));
    let index = 0;
    for (; index < this.#planned.length && !isFull(); index++) {
      const planned = this.#planned[index] as PlannedFire;
      if (planned.sendAt > now) break;
      const current = this.#upToDate(planned, now);
      if (current === null) continue;
      if (isLate(current, now)) this.#late.add(current);
      else add(current);
    }
    this.#planned.splice(0, index);
    while (!isFull()) {
      const planned = this.#late.take(now);
      if (planned === null) break;
      const current = this.#upToDate(planned, now);
      if (current === null) continue;
      add(current);
      if (!isLate(current, now)) continue;
      pace.spend(now, current.decision.fires.length);
      metrics.lateFires.inc(current.decision.fires.length);
    }
    return taken;
  }

  /** Takes note of the store's answer and works out what follows for this trigger. */
  settle(planned: PlannedFire, result: FireResult): void {
    const { key } = planned.trigger;
    this.#inFlight.delete(key);
    this.#settledSinceRead.add(key);
    switch (result.outcome) {
      case 'fired':
        this.#stale.delete(key);
        this.#follow(planned);
        break;
      case 'waiting':
        break;
      case 'early': {
        const waitMs = Math.min(2 ** planned.earlyCount, 20);
        const sendAt = this.#deps.clusterClock.now() + waitMs;
        this.#insert({ ...planned, sendAt, earlyCount: planned.earlyCount + 1 });
        break;
      }
      case 'stale':
        this.#noteStale(planned);
        this.outdate();
        break;
    }
  }

  /** What became of these is not known: they are read again. */
  release(planned: readonly PlannedFire[]): void {
    for (const { trigger } of planned) this.#inFlight.delete(trigger.key);
    this.outdate();
  }

  /** The store cannot take this decision: the trigger is tried again later, the others go on. */
  passBy({ trigger, job }: PlannedFire): void {
    const until = this.#deps.clusterClock.now() + RETRY_UNDECIDABLE_MS;
    this.#inFlight.delete(trigger.key);
    this.#passedBy.set(trigger.key, { expected: expectedOf(trigger, job), until });
    this.outdate();
  }

  /** What is due; of a backlog that does not fit, the oldest, and apart from it what is on time. */
  async #readDue(until: EpochMs, limit: number): Promise<DueBatch> {
    const { store, clusterClock } = this.#deps;
    const { shard } = this.#config;
    const lateBefore = Math.floor(clusterClock.now()) - LATE_AFTER_MS;
    const overdue = this.#hasManyLate() ? null : await store.readDue(shard, until, limit);
    const isCut = (overdue?.followingDueAt ?? Infinity) < lateBefore;
    this.#isBacklogged = overdue === null || isCut;
    this.#unreadBefore = overdue === null ? lateBefore : -Infinity;
    if (overdue !== null && !isCut) return overdue;
    const onTime = await store.readDue(shard, until, limit, lateBefore);
    if (overdue === null) return onTime;
    const known = new Set(onTime.triggers.map(({ key }) => key));
    const triggers = [...overdue.triggers.filter(({ key }) => !known.has(key)), ...onTime.triggers];
    return { ...onTime, triggers, jobs: new Map([...overdue.jobs, ...onTime.jobs]) };
  }

  /** Enough late ones are known for a while; they need not be read again. */
  #hasManyLate(): boolean {
    return this.#late.size >= this.#readLimit / 4;
  }

  /** Everything that was to be done at an instant that has become later is looked at anew. */
  #noteSetBack(now: EpochMs): void {
    if (now < this.#takenAt - SET_BACK_MS) {
      this.#deps.pace.forget();
      this.outdate();
    }
    this.#takenAt = now;
  }

  #upToDate(planned: PlannedFire, now: EpochMs): PlannedFire | null {
    const isOld = now - planned.plannedFor > REPLAN_AFTER_MS || isAhead(planned, now) || this.#hasOldCalendars(planned);
    return isOld ? this.#plan(planned.trigger, planned.job) : planned;
  }

  get #readLimit(): number {
    return this.#config.readLimit ?? 5000;
  }

  #follow({ trigger, job, decision }: PlannedFire): void {
    const { nextDueAt, fires, watermark } = decision;
    if (nextDueAt === null || nextDueAt === 'completion') return;
    if (nextDueAt >= this.#coveredUntil) {
      this.#nextReadAt = Math.min(this.#nextReadAt, nextDueAt - READ_LEAD_MS);
      return;
    }
    const state = { ...trigger.state, watermark, fireCount: trigger.state.fireCount + fires.length };
    this.#insert(this.#plan({ ...trigger, state, dueAt: nextDueAt }, job));
  }

  /** Stale once is an edit that came in between. Stale twice from the same state must not become a busy loop. */
  #noteStale({ trigger, decision }: PlannedFire): void {
    const expected = JSON.stringify(decision.expected);
    if (this.#stale.get(trigger.key) === expected) {
      this.#passedBy.set(trigger.key, { expected, until: this.#deps.clusterClock.now() + RETRY_STALE_MS });
      this.#deps.logger.warn('trigger-stale-again', { trigger: trigger.key, expected: decision.expected });
    }
    this.#stale.set(trigger.key, expected);
  }

  async #planAll(triggers: readonly Trigger[], jobs: ReadonlyMap<JobKey, Job>): Promise<readonly PlannedFire[]> {
    const known = new Map([...this.#planned, ...this.#late.entries()].map((planned) => [planned.trigger.key, planned]));
    const plans: PlannedFire[] = [];
    const now = this.#deps.clusterClock.now();
    let worked = 0;
    for (const trigger of triggers) {
      const job = jobs.get(jobKeyOfTrigger(trigger.key));
      if (job === undefined) continue;
      const old = known.get(trigger.key);
      if (old !== undefined && isSame(old, trigger, job) && !isAhead(old, now) && !this.#hasOldCalendars(old)) {
        plans.push(old);
        continue;
      }
      const planned = this.#plan(trigger, job);
      if (planned !== null) plans.push(planned);
      // Fires that are due meanwhile do not wait for a thousand plans.
      if (++worked % PLANS_PER_TURN === 0) await nextTurn();
    }
    return plans;
  }

  #install(plans: readonly PlannedFire[]): void {
    const isOwn = ({ key }: Trigger): boolean => this.#inFlight.has(key) || this.#settledSinceRead.has(key);
    const now = this.#deps.clusterClock.now();
    const read = plans.filter(({ trigger }) => !isOwn(trigger));
    const isRead = new Set(read.map(({ trigger }) => trigger.key));
    const isKept = ({ trigger }: PlannedFire): boolean =>
      this.#settledSinceRead.has(trigger.key) ||
      (Number(trigger.dueAt) < this.#unreadBefore && !isRead.has(trigger.key));
    const all = [...read, ...[...this.#planned, ...this.#late.entries()].filter(isKept)];
    all.sort((a, b) => a.sendAt - b.sendAt);
    this.#planned = all.filter((planned) => !isLate(planned, now));
    this.#late.replace(all.filter((planned) => isLate(planned, now)));
    this.#passedBy = new Map([...this.#passedBy].filter(([, { until }]) => until > now));
    if (this.#stale.size > 10_000) this.#stale.clear();
  }

  #plan(trigger: Trigger, job: Job): PlannedFire | null {
    const { clusterClock, logger, metrics, calendars } = this.#deps;
    if (trigger.dueAt === undefined) return null;
    const now = clusterClock.now();
    const passedBy = this.#passedBy.get(trigger.key);
    const expected = expectedOf(trigger, job);
    if (passedBy !== undefined && passedBy.until > now && passedBy.expected === expected) return null;
    try {
      const at = Math.max(Math.ceil(now), trigger.dueAt);
      const { namespace } = splitJobKey(jobKeyOfTrigger(trigger.key));
      const { calendars: names = [], timeZone } = trigger.definition;
      const named = calendars.compiled(namespace, names, timeZone);
      const compiled = undecidedTimes(trigger, compileTrigger(trigger.key, trigger.definition, named));
      const { stepSize: maxFires } = this.#deps.pace;
      const decision = planFires({ trigger, job, compiled, at, shard: this.#config.shard, maxFires });
      const calendarsAsked = calendars.revision;
      return {
        trigger,
        job,
        decision,
        sendAt: decision.dueAt,
        plannedFor: at,
        calendars: calendarsAsked,
        earlyCount: 0,
      };
    } catch (error) {
      this.#passedBy.set(trigger.key, { expected, until: now + RETRY_UNDECIDABLE_MS });
      metrics.fires.inc({ outcome: 'undecidable' });
      logger.error('trigger-undecidable', { trigger: trigger.key, error });
      return null;
    }
  }

  #hasOldCalendars({ trigger, calendars }: PlannedFire): boolean {
    return trigger.definition.calendars !== undefined && calendars !== this.#deps.calendars.revision;
  }

  #insert(planned: PlannedFire | null): void {
    if (planned === null) return;
    if (isLate(planned, planned.plannedFor)) {
      this.#late.add(planned);
      return;
    }
    let low = 0;
    let high = this.#planned.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#planned[middle] as PlannedFire).sendAt <= planned.sendAt) low = middle + 1;
      else high = middle;
    }
    this.#planned.splice(low, 0, planned);
  }
}

function expectedOf({ state }: Trigger, job: Job): string {
  return JSON.stringify({ version: state.version, watermark: state.watermark, jobVersion: job.version });
}

/** Was it made for an instant to which the clock, set back since, has to come first? */
function isAhead({ plannedFor, trigger }: PlannedFire, now: EpochMs): boolean {
  return plannedFor > Math.max(now, trigger.dueAt ?? now) + SET_BACK_MS;
}

function isSame({ decision: { expected }, trigger: { dueAt } }: PlannedFire, trigger: Trigger, job: Job): boolean {
  return (
    expected.version === trigger.state.version &&
    expected.watermark === trigger.state.watermark &&
    expected.jobVersion === job.version &&
    dueAt === trigger.dueAt
  );
}
