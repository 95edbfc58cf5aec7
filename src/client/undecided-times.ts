import { ConflictError, FencedError, ValidationError } from '../domain/errors.js';
import { planReplaced } from '../domain/fire-plan.js';
import { shardOfTrigger } from '../domain/placement.js';
import { compileTrigger, jobKeyOfTrigger, type TriggerKey } from '../domain/trigger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { EventBus } from '../store/event-bus.js';
import type { ExecutionStore } from '../store/execution-store.js';
import { missedEvents } from '../store/fire-events.js';
import type { JobStore } from '../store/job-store.js';
import type { StoreCalendars } from './store-calendars.js';

export interface UndecidedTimesDeps {
  readonly jobs: JobStore;
  readonly executions: ExecutionStore;
  readonly events: EventBus;
  readonly clusterClock: ClusterClock;
  readonly calendars: StoreCalendars;
  readonly metrics?: Metrics | undefined;
}

/** A write of triggers that become due again and again in between is refused in the end. */
const MAX_TRIES = 20;
/** Of a thousand times each; what is left then is found by the next try. */
const MAX_DECISIONS = 100;

/**
 * What is due of a trigger is decided by its leader, and while there is none, or it has not come to it, it waits. A
 * write that replaces the definition then would lose it: it is recorded as missed before. The record is made as
 * the leader makes its own, under its epoch and over the watermark that was read, so that of the two only one
 * decides.
 */
export class UndecidedTimes {
  readonly #deps: UndecidedTimesDeps;

  constructor(deps: UndecidedTimesDeps) {
    this.#deps = deps;
  }

  /**
   * Makes a write of triggers under the condition that none of them is due, after having settled those that are.
   * `reason`: of what is recorded. Errors: those of `write`; `CJ_DUE_CONFLICT` when there is no end to it.
   */
  async settledFor<T>(
    reason: 'replaced' | 'paused',
    write: (condition: { readonly ifDecided: boolean }) => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await write({ ifDecided: true });
      } catch (error) {
        const due = dueTriggers(error);
        if (due === undefined || tries === MAX_TRIES) throw error;
        const settled = await Promise.all(due.map((key) => this.#settle(key, reason)));
        // Nobody knows its times: nothing can be recorded of them.
        if (settled.includes('unknown')) return write({ ifDecided: false });
      }
    }
  }

  async #settle(key: TriggerKey, reason: 'replaced' | 'paused'): Promise<'unknown' | undefined> {
    try {
      for (let count = 0; count < MAX_DECISIONS && (await this.#settleSome(key, reason)); count++);
    } catch (error) {
      // Another leader has just taken over: the next try goes by its epoch.
      if (error instanceof FencedError) return undefined;
      if (error instanceof ValidationError) return 'unknown';
      throw error;
    }
    return undefined;
  }

  /** One decision. True when something may be left. */
  async #settleSome(key: TriggerKey, reason: 'replaced' | 'paused'): Promise<boolean> {
    const { jobs, executions, calendars, clusterClock, events, metrics } = this.#deps;
    const [trigger, job] = await Promise.all([jobs.getTrigger(key), jobs.getJob(jobKeyOfTrigger(key))]);
    const at = Math.floor(clusterClock.now());
    if (trigger === null || job === null || (trigger.dueAt ?? Infinity) > at) return false;
    const shard = shardOfTrigger(key, job, executions.shardCount);
    const compiled = compileTrigger(key, trigger.definition, await calendars.lookup().of(trigger.definition));
    const decision = planReplaced({ trigger, job, shard, compiled, at }, reason);
    const { epoch } = await executions.readFence(shard);
    const [result] = await executions.fire(shard, epoch, [decision]);
    if (result?.outcome !== 'fired') return false;
    for (const { reason: why, count } of decision.missed) metrics?.misses.inc({ reason: why }, count);
    if (decision.missed.length > 0) events.publish([...missedEvents(decision, { at, shard, epoch })]);
    return true;
  }
}

function dueTriggers(error: unknown): readonly TriggerKey[] | undefined {
  if (!(error instanceof ConflictError) || error.code !== 'CJ_DUE_CONFLICT') return undefined;
  return error.details['triggers'] as readonly TriggerKey[];
}
