import type { JsonObject } from '../domain/json.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import { Service } from '../runtime/service.js';
import { NODE_ANNOUNCE_MS, type NodeRegistry } from '../store/node-registry.js';
import type { Slots } from './slots.js';

export interface WorkerAnnouncerDeps {
  readonly registry: NodeRegistry;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Lets operators see this worker, what it serves and how busy it is. Nothing depends on it. */
export class WorkerAnnouncer extends Service {
  readonly name = 'worker-announcer';
  readonly #deps: WorkerAnnouncerDeps;
  readonly #config: { readonly worker: string; readonly facts: JsonObject };
  readonly #loop: PeriodicLoop;

  constructor(deps: WorkerAnnouncerDeps, config: { readonly worker: string; readonly facts: JsonObject }) {
    super();
    this.#deps = deps;
    this.#config = config;
    this.#loop = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger, runOnce: () => this.#announce() },
      { name: this.name, intervalMs: NODE_ANNOUNCE_MS },
    );
  }

  protected onStart(): Promise<void> {
    return this.#loop.start();
  }

  protected async onStop(): Promise<void> {
    await this.#loop.stop();
    await this.#deps.registry.withdraw('worker', this.#config.worker).catch((error: unknown) => {
      this.#deps.logger.warn('worker-not-withdrawn', { error });
    });
  }

  #announce(): Promise<void> {
    const { registry, slots } = this.#deps;
    return registry.announce('worker', this.#config.worker, {
      ...this.#config.facts,
      slots: slots.total,
      busy: slots.taken,
    });
  }
}
