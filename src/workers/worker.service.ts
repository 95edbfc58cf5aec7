import type { JsonObject } from '../domain/json.js';
import { laneOf, type Lane } from '../domain/target.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { Probe } from '../runtime/probe.js';
import { Service } from '../runtime/service.js';
import { NodeAnnouncer } from '../store/node-announcer.js';
import type { Stores } from '../store/stores.js';
import { EventBatcher } from './event-batcher.js';
import { ExecutionClaimer } from './execution-claimer.js';
import { ExecutionRunner } from './execution-runner.js';
import type { HandlerRegistry } from './handler-registry.js';
import type { HttpCaller } from './http-target.js';
import { JobCache } from './job-cache.js';
import { LeaseKeeper } from './lease-keeper.js';
import type { PushCaller } from './push-target.js';
import { Settler } from './settler.js';
import { Slots } from './slots.js';

export interface WorkerServiceDeps {
  /** Started before the worker and stopped after it, by whoever made them. */
  readonly stores: Omit<Stores, keyof Service>;
  readonly handlers: HandlerRegistry;
  /** What is absent is not served: such executions wait for another worker. */
  readonly http?: HttpCaller;
  readonly push?: PushCaller;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

export interface WorkerServiceConfig {
  /** Unique among the workers of the cluster; new with every start. */
  readonly worker: string;
  readonly queues: readonly string[];
  /** Attempts at once. */
  readonly concurrency: number;
  /** How long an attempt outlives the last sign of this worker. Shorter finds a dead worker sooner and costs more calls. */
  readonly leaseMs: DurationMs;
  /** How long running work may go on after `stop`. */
  readonly drainMs: DurationMs;
}

/**
 * A worker: claims executions of its queues that it can serve, runs them, and keeps their leases.
 *
 * start: settler, event batcher, lease keeper, then the claimer, which brings work only when all else is there.
 * stop: claimer first (no new work) → running attempts, with grace, then aborted and given back → lease keeper
 * (no attempt is left that needs its lease) → settler (everything was asked for) → events and the announcement.
 */
export class WorkerService extends Service {
  readonly name = 'worker';
  readonly #deps: WorkerServiceDeps;
  readonly #config: WorkerServiceConfig;
  readonly #slots: Slots;
  readonly #settler: Settler;
  readonly #events: EventBatcher;
  readonly #leases: LeaseKeeper;
  readonly #runner: ExecutionRunner;
  #claimer: ExecutionClaimer | undefined;
  #announcer: NodeAnnouncer | undefined;

  constructor(deps: WorkerServiceDeps, config: WorkerServiceConfig) {
    super();
    this.#deps = deps;
    this.#config = config;
    const { stores, handlers, http, push, clock, logger, metrics, probe } = deps;
    const { executions, events, clusterClock } = stores;
    const slots = (this.#slots = new Slots({ metrics }, config));
    const settler = (this.#settler = new Settler({ executions, clock, logger }, config));
    const batcher = (this.#events = new EventBatcher({ events, clock, clusterClock }));
    const leases = (this.#leases = new LeaseKeeper({ executions, clock, logger, metrics }, config));
    const jobs = new JobCache({ jobs: stores.jobs, clock });
    const targets = { handlers, ...(http === undefined ? {} : { http }), ...(push === undefined ? {} : { push }) };
    this.#runner = new ExecutionRunner(
      { ...targets, jobs, leases, settler, slots, events: batcher, clock, logger, metrics, probe },
      config,
    );
  }

  protected async onStart(): Promise<void> {
    const { stores, handlers, clock, logger } = this.#deps;
    const { worker, leaseMs } = this.#config;
    handlers.seal();
    const lanes = this.#lanes();
    await this.#settler.start();
    await this.#events.start();
    await this.#leases.start();
    const { executions, registry } = stores;
    this.#claimer = new ExecutionClaimer(
      { executions, runner: this.#runner, slots: this.#slots, clock, logger },
      { worker, lanes, leaseMs },
    );
    if (lanes.length === 0) logger.warn('worker-serves-nothing', { worker });
    else await this.#claimer.start();
    const facts = (): JsonObject => ({
      queues: this.#config.queues,
      handlers: handlers.names(),
      lanes: lanes.length,
      slots: this.#slots.total,
      busy: this.#slots.taken,
    });
    this.#announcer = new NodeAnnouncer({ registry, clock, logger, facts }, { role: 'worker', id: worker });
    await this.#announcer.start();
  }

  protected async onStop(): Promise<void> {
    const { logger, http } = this.#deps;
    await this.#claimer?.stop();
    const aborted = await this.#runner.drain(this.#config.drainMs);
    if (aborted > 0) logger.warn('drain-grace-over', { worker: this.#config.worker, aborted });
    await this.#leases.stop();
    await this.#settler.stop();
    await this.#events.stop();
    await this.#announcer?.stop();
    http?.close();
  }

  protected override details(): Readonly<Record<string, unknown>> {
    return { worker: this.#config.worker, slots: this.#slots.total, busy: this.#slots.taken };
  }

  #lanes(): readonly Lane[] {
    const { handlers, http, push } = this.#deps;
    return this.#config.queues.flatMap((queue) => [
      ...handlers.names().map((handler) => laneOf(queue, { type: 'handler', handler })),
      ...(http === undefined ? [] : [`${queue}/http` as const]),
      ...(push === undefined ? [] : [`${queue}/push` as const]),
    ]);
  }
}
