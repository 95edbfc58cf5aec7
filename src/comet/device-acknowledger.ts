import type { Logger } from '../runtime/logger.js';
import type { Probe } from '../runtime/probe.js';
import type { Acknowledgements } from './acknowledgements.js';
import type { Position, UserRef } from './mailbox.js';

export interface DeviceAcknowledgerDeps {
  readonly acknowledgements: Acknowledgements;
  readonly logger: Logger;
  readonly probe: Probe;
}

/** Writes what one device has received, one write at a time. Cumulative: of those that wait only the last is written. */
export class DeviceAcknowledger {
  readonly #deps: DeviceAcknowledgerDeps;
  readonly #user: UserRef;
  readonly #device: string;
  #waiting: Position | undefined;
  #isWriting = false;

  constructor(deps: DeviceAcknowledgerDeps, { user, device }: { user: UserRef; device: string }) {
    this.#deps = deps;
    this.#user = user;
    this.#device = device;
  }

  acknowledge(position: Position): void {
    this.#waiting = position;
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    const { acknowledgements, logger, probe } = this.#deps;
    this.#isWriting = true;
    for (let next = this.#waiting; next !== undefined; next = this.#waiting) {
      this.#waiting = undefined;
      try {
        await acknowledgements.apply(this.#user, { type: 'ack', device: this.#device, ...next });
        probe.signal('acknowledged', { device: this.#device, seq: next.seq });
      } catch (error) {
        // A later one makes up for it.
        logger.warn('acknowledgement-not-written', { error });
      }
    }
    this.#isWriting = false;
  }
}
