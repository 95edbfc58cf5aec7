import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { Worker } from '../client/worker.js';
import type { ClusterEvent } from '../store/event-bus.js';
import type { Unsubscribe } from '../store/execution-store.js';
import { CloudJobConnection } from './cloudjob-connection.js';
import { JobExplorer } from './job-explorer.js';
import { explain, planJobs, type JobPlan } from './job-plan.js';

/**
 * Reads the plan when the modules are there, so that a mistake stops the boot before anything runs; declares
 * the jobs and takes work once the application is up.
 */
@Injectable()
export class JobOrchestrator implements OnModuleInit, OnApplicationBootstrap {
  readonly #connection: CloudJobConnection;
  readonly #explorer: JobExplorer;
  #plan: JobPlan = { jobs: [], handlers: [], listeners: [], warnings: [] };
  #worker: Worker | undefined;
  #unsubscribe: Unsubscribe | undefined;

  constructor(@Inject(CloudJobConnection) connection: CloudJobConnection, @Inject(JobExplorer) explorer: JobExplorer) {
    this.#connection = connection;
    this.#explorer = explorer;
  }

  onModuleInit(): void {
    this.#plan = planJobs(this.#explorer.explore(), this.#connection.options);
    for (const warning of this.#plan.warnings) this.#connection.logger.warn(warning);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#declare();
    await this.#listen();
    await this.#work();
  }

  /**
   * Takes no more work, lets running handlers finish, gives back the rest. Called before anything of the
   * application is destroyed; may be called earlier, e.g. by a pre-stop hook. Idempotent.
   */
  async drain(): Promise<void> {
    await this.#worker?.stop();
    await this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  async #declare(): Promise<void> {
    const { client, logger } = this.#connection;
    for (const { place, input } of this.#plan.jobs) {
      const { outcome } = await client.putJob(input).catch((error: unknown) => {
        throw explain(place, input.name, error);
      });
      logger.info('job-declared', { job: input.name, method: place, outcome });
    }
  }

  async #listen(): Promise<void> {
    const { listeners } = this.#plan;
    if (listeners.length === 0) return;
    const { stores, client, logger } = this.#connection;
    this.#unsubscribe = await stores.events.subscribe((event: ClusterEvent) => {
      if (event.namespace !== client.namespace) return;
      for (const listener of listeners) {
        if (listener.event !== event.type || (listener.job !== '*' && listener.job !== event.facts['job'])) continue;
        void (async () => listener.call(event))().catch((error: unknown) =>
          logger.error('job-event-listener-failed', { method: listener.place, event: event.type, error }),
        );
      }
    });
  }

  async #work(): Promise<void> {
    const { handlers, jobs } = this.#plan;
    const { options, stores, clock, logger, metrics } = this.#connection;
    if (options.worker === false || handlers.length === 0) return;
    const queues = [...new Set(['default', ...jobs.map(({ input }) => input.queue ?? 'default')])];
    const worker = new Worker({ queues, ...options.worker, stores, clock, logger, metrics });
    for (const { name, defined, call } of handlers) {
      if (defined === undefined) worker.handle(name, call);
      else worker.handle(defined, call);
    }
    await worker.start();
    this.#worker = worker;
    logger.info('worker-started', { worker: worker.name, handlers: handlers.length, queues });
  }
}
