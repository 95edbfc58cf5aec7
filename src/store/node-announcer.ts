import type { JsonObject } from '../domain/json.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import { Service } from '../runtime/service.js';
import { NODE_ANNOUNCE_MS, type NodeRegistry, type NodeRole } from './node-registry.js';

export interface NodeAnnouncerDeps {
  readonly registry: NodeRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asked for every announcement. */
  readonly facts: () => JsonObject;
}

/** Lets others see that this process is there in one of its roles. `stop` withdraws it at once. */
export class NodeAnnouncer extends Service {
  readonly name: string;
  readonly #deps: NodeAnnouncerDeps;
  readonly #config: { readonly role: NodeRole; readonly id: string };
  readonly #loop: PeriodicLoop;

  constructor(deps: NodeAnnouncerDeps, config: { readonly role: NodeRole; readonly id: string }) {
    super();
    this.name = `${config.role}-announcer`;
    this.#deps = deps;
    this.#config = config;
    this.#loop = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger, runOnce: () => this.#announce() },
      { name: this.name, intervalMs: NODE_ANNOUNCE_MS },
    );
  }

  /** Announces once before it resolves, so that whoever waited for the start finds the node. */
  protected async onStart(): Promise<void> {
    await this.#announce().catch((error: unknown) => {
      this.#deps.logger.warn('node-not-announced', { role: this.#config.role, error });
    });
    await this.#loop.start();
  }

  protected async onStop(): Promise<void> {
    await this.#loop.stop();
    await this.#deps.registry.withdraw(this.#config.role, this.#config.id).catch((error: unknown) => {
      this.#deps.logger.warn('node-not-withdrawn', { role: this.#config.role, error });
    });
  }

  #announce(): Promise<void> {
    return this.#deps.registry.announce(this.#config.role, this.#config.id, this.#deps.facts());
  }
}
