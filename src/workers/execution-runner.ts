import { HandlerError, StoreUnavailableError } from '../domain/errors.js';
import type { Execution } from '../domain/execution.js';
import { discard } from '../domain/handler-outcome.js';
import type { Job, JobKey } from '../domain/job.js';
import { delay, type Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { Probe } from '../runtime/probe.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { ShardId } from '../domain/shard.js';
import type { ClaimedExecution, Settlement } from '../store/execution-store.js';
import { Attempt } from './attempt.js';
import type { EventBatcher, ExecutionEventType } from './event-batcher.js';
import type { HandlerRegistry, RegisteredHandler } from './handler-registry.js';
import type { HttpCaller } from './http-target.js';
import type { JobCache } from './job-cache.js';
import { ExecutionContext } from './job-context.js';
import type { HeldLease, LeaseKeeper } from './lease-keeper.js';
import type { PushCaller } from './push-target.js';
import { JOB_DELETED, settlementOf, settlementWithoutJob } from './settlement.js';
import type { SettleAnswer, Settler } from './settler.js';
import type { Slots } from './slots.js';

export interface ExecutionRunnerDeps {
  readonly handlers: HandlerRegistry;
  /** Absent = this worker does not serve such targets, and claims none. */
  readonly http?: HttpCaller;
  readonly push?: PushCaller;
  readonly jobs: JobCache;
  readonly leases: LeaseKeeper;
  readonly settler: Settler;
  readonly slots: Slots;
  readonly events: EventBatcher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

const JOB_RETRY_MS = 200;

/**
 * Runs claimed executions, one attempt each: definition, target, settlement. A slot is taken by whoever claimed
 * and is given back here: as soon as the target has returned, or only after the settlement when as many
 * settlements are open as the worker has slots, so that a slow store slows the claiming down.
 */
export class ExecutionRunner {
  readonly #deps: ExecutionRunnerDeps;
  readonly #worker: string;
  readonly #running = new Set<Attempt>();
  readonly #open = new Set<Promise<void>>();

  constructor(deps: ExecutionRunnerDeps, config: { readonly worker: string }) {
    this.#deps = deps;
    this.#worker = config.worker;
  }

  /** Takes over what a claim brought. `grantedAt` is the monotonic instant at which the claim was sent. */
  accept(shard: ShardId, claimed: readonly ClaimedExecution[], grantedAt: number): void {
    for (const one of claimed) {
      const open = this.#process(shard, one, grantedAt).finally(() => this.#open.delete(open));
      this.#open.add(open);
    }
  }

  /** Gives back what a claim brought after the worker had begun to stop. */
  async giveBack(shard: ShardId, claimed: readonly ClaimedExecution[], grantedAt: number): Promise<void> {
    const { settler, leases, slots } = this.#deps;
    await Promise.all(
      claimed.map(({ execution: { id }, token }) => {
        const leaseEndsAt = leases.endsAt(grantedAt);
        return settler.settle({ shard, id, token, settlement: { type: 'released' }, leaseEndsAt });
      }),
    );
    slots.release(claimed.length);
  }

  /** Lets what runs go on for `graceMs`, then aborts the rest. Resolves when everything is settled; says how many were aborted. */
  async drain(graceMs: DurationMs): Promise<number> {
    const over = new AbortController();
    const finished = this.#settleAll().then(() => over.abort());
    const graceOver = await delay(this.#deps.clock, graceMs, over.signal);
    const rest = graceOver ? [...this.#running.values()] : [];
    for (const attempt of rest) attempt.abort('drain');
    await finished;
    return rest.length;
  }

  async #settleAll(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  async #process(shard: ShardId, { execution, token }: ClaimedExecution, grantedAt: number): Promise<void> {
    const { clock, leases, slots, settler } = this.#deps;
    const attempt = new Attempt({ clock });
    const lease: HeldLease = { shard, id: execution.id, token, grantedAt, attempt };
    leases.hold(lease);
    this.#running.add(attempt);
    const startedAt = clock.monotonicNow();
    const settlement = await this.#run(execution, attempt).catch((error: unknown) => {
      // Left to its lease: it is rescued, and its attempts are counted.
      this.#deps.logger.error('execution-not-run', { execution: execution.id, error });
      return null;
    });
    this.#running.delete(attempt);
    leases.letGo(lease);

    const isBackedUp = settler.backlog >= slots.total;
    if (!isBackedUp) slots.release(1);
    const leaseEndsAt = leases.endsAt(lease.grantedAt);
    const answer =
      settlement === null ? 'lost' : await settler.settle({ shard, id: execution.id, token, settlement, leaseEndsAt });
    if (isBackedUp) slots.release(1);
    this.#report(execution, settlement, answer, clock.monotonicNow() - startedAt);
  }

  async #run(execution: Execution, attempt: Attempt): Promise<Settlement | null> {
    const job = await this.#readJob(execution.job, attempt);
    if (job === null) return JOB_DELETED;
    if (job === undefined) return settlementWithoutJob(attempt.aborted);
    this.#announceStart(execution);
    const context = new ExecutionContext(execution, execution.data ?? job.data, attempt);
    const end = await attempt.run(() => this.#callTarget(execution, job, context), job.timeoutMs);
    if (end.type === 'left-behind') {
      this.#deps.logger.warn('target-left-behind', { execution: execution.id, why: end.aborted });
    }
    return settlementOf({ execution, job, end, unitRandom: Math.random() });
  }

  /** Null when there is no such job; undefined when the attempt was aborted before the store could answer. */
  async #readJob(key: JobKey, attempt: Attempt): Promise<Job | null | undefined> {
    while (attempt.aborted === null) {
      try {
        return await this.#deps.jobs.get(key);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        this.#deps.logger.warn('job-not-read', { job: key, error });
      }
      await delay(this.#deps.clock, JOB_RETRY_MS, attempt.signal);
    }
    return undefined;
  }

  /** The lane says what the execution was fired for; an http or push target is the job's as it is now. */
  #callTarget(execution: Execution, job: Job, context: ExecutionContext): unknown {
    const { handlers, http, push } = this.#deps;
    const [, type, name = ''] = execution.lane.split('/');
    if (type === 'handler') {
      const handler = handlers.get(name);
      if (handler === undefined) throw new HandlerError('CJ_HANDLER_UNKNOWN', `no handler is called ${name}`);
      return callHandler(handler, context);
    }
    if (http !== undefined && type === 'http' && job.target.type === 'http') return http.call(job.target, context);
    if (push !== undefined && type === 'push' && job.target.type === 'push') return push.call(job.target, context);
    throw new HandlerError(
      'CJ_TARGET_REFUSED',
      `the execution was fired for ${type}, the job's target is ${job.target.type}`,
    );
  }

  #announceStart(execution: Execution): void {
    const { metrics, events, probe } = this.#deps;
    if (execution.attempt === 1 && execution.startedAt !== undefined) {
      const delayMs = Math.max(execution.startedAt - execution.dueAt, 0);
      metrics.startDelay.observe({ target: targetTypeOf(execution) }, delayMs / 1000);
    }
    events.add('started', execution, { worker: this.#worker });
    probe.signal('attempt-started', { execution: execution.id });
  }

  #report(execution: Execution, settlement: Settlement | null, answer: SettleAnswer, durationMs: number): void {
    const { metrics, events, probe, logger } = this.#deps;
    const target = targetTypeOf(execution);
    const isHeard = settlement !== null && (answer === 'settled' || answer === 'repeated');
    const outcome = isHeard ? settlement.type : answer;
    metrics.attempts.inc({ target, outcome });
    metrics.attemptDuration.observe({ target }, durationMs / 1000);
    probe.signal('attempt-ended', { execution: execution.id, outcome });
    if (!isHeard) {
      if (settlement !== null)
        logger.warn('settlement-not-heard', { execution: execution.id, settlement: settlement.type, answer });
      return;
    }
    const eventType = EVENT_OF[settlement.type];
    if (eventType === null) return;
    const error = 'error' in settlement ? { error: { ...settlement.error } } : {};
    events.add(eventType, execution, { worker: this.#worker, durationMs: Math.round(durationMs), ...error });
  }
}

const EVENT_OF: Readonly<Record<Settlement['type'], ExecutionEventType | null>> = {
  succeeded: 'succeeded',
  retry: 'retrying',
  failed: 'failed',
  cancelled: 'cancelled',
  released: null,
};

function callHandler({ run, parse }: RegisteredHandler, context: ExecutionContext): unknown {
  if (parse === undefined) return run(context);
  let data: unknown;
  try {
    data = parse(context.data);
  } catch (error) {
    return discard(`the data is not what the job takes: ${error instanceof Error ? error.message : String(error)}`);
  }
  return run(context.withData(data));
}

function targetTypeOf(execution: Execution): string {
  return execution.lane.split('/', 2)[1] ?? 'handler';
}
