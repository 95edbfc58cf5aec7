import { StoreUnavailableError } from '../../src/domain/errors.js';
import type { SimProcess } from './sim-process.js';
import type { Simulation } from './simulation.js';

/** As the Redis adapter is configured: a call without an answer is given up. */
const COMMAND_TIMEOUT_MS = 4000;

/** Probabilities of one call. */
export interface LinkTrouble {
  /** The call does not arrive. */
  readonly lostBefore: number;
  /** It is applied and the answer does not arrive. */
  readonly lostAfter: number;
  /** The caller hears of a broken connection; the call is applied much later. */
  readonly belated: number;
  /** Mean delay that is added each way. */
  readonly slowMs: number;
  /** There is no connection, and the caller hears of it at once. */
  readonly refused: number;
}

export const NO_TROUBLE: LinkTrouble = { lostBefore: 0, lostAfter: 0, belated: 0, slowMs: 0, refused: 0 };

/**
 * The way of one process to the store. What it sends arrives in order, as on one connection; what is caught in a
 * cut arrives when that heals, or never. Every call is answered, fails as unavailable, or times out.
 */
export class NetworkLink {
  readonly #sim: Simulation;
  readonly #client: SimProcess;
  readonly #server: SimProcess;
  #trouble = NO_TROUBLE;
  #isCut = false;
  #arrivesAt = 0;
  #returnsAt = 0;
  #waiting: (() => void)[] = [];

  constructor(sim: Simulation, ends: { readonly client: SimProcess; readonly server: SimProcess }) {
    this.#sim = sim;
    this.#client = ends.client;
    this.#server = ends.server;
  }

  set trouble(trouble: LinkTrouble) {
    this.#trouble = trouble;
  }

  cut(): void {
    this.#isCut = true;
  }

  /** `delivering`: the connection has survived, and what was sent arrives now, however old. */
  heal(delivering: boolean): void {
    this.#isCut = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (delivering) for (const send of waiting) send();
  }

  call<T>(name: string, apply: () => Promise<T>): Promise<T> {
    const { random } = this.#sim;
    const { lostBefore, lostAfter, belated, refused } = this.#trouble;
    if (refused > 0 && random.chance(refused))
      return Promise.reject(new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', `no connection for ${name}`));
    const chance = random.next();
    const isLostBefore = chance < lostBefore;
    const isLostAfter = !isLostBefore && chance < lostBefore + lostAfter;
    const isBelated = !isLostBefore && !isLostAfter && chance < lostBefore + lostAfter + belated;
    return new Promise((resolve, reject) => {
      const timeout = this.#sim.schedule(COMMAND_TIMEOUT_MS, this.#client, () =>
        reject(new StoreUnavailableError('CJ_REDIS_TIMEOUT', `no answer to ${name}`)),
      );
      const answer = (how: () => void): void => {
        if (isLostAfter) return;
        this.#backward(() => {
          timeout.run = null;
          how();
        });
      };
      const arrive = (): void => {
        apply().then(
          (value) => answer(() => resolve(value)),
          (error: Error) => answer(() => reject(error)),
        );
      };
      if (isBelated) this.#sim.schedule(random.next() ** 2 * 60_000, this.#server, arrive);
      else if (!isLostBefore) this.#forward(arrive);
      if (isLostBefore || isLostAfter || isBelated) this.#breakOff(name, reject);
    });
  }

  /** From the store to the process, without an answer; may be lost. */
  hint(deliver: () => void): void {
    if (this.#isCut || this.#sim.random.chance(this.#trouble.lostAfter)) return;
    this.#sim.schedule(this.#latency(), this.#client, deliver);
  }

  /** Half of the time the caller hears of it at once, else it waits for its time-out. */
  #breakOff(name: string, reject: (error: Error) => void): void {
    if (this.#sim.random.chance(0.5)) return;
    this.#sim.schedule(this.#latency() * 2, this.#client, () =>
      reject(new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', `connection closed during ${name}`)),
    );
  }

  #forward(arrive: () => void): void {
    if (this.#isCut) {
      this.#waiting.push(() => this.#forward(arrive));
      return;
    }
    const { now } = this.#sim;
    this.#arrivesAt = Math.max(this.#arrivesAt, now + this.#latency());
    this.#sim.schedule(this.#arrivesAt - now, this.#server, arrive);
  }

  #backward(deliver: () => void): void {
    if (this.#isCut) {
      this.#waiting.push(() => this.#backward(deliver));
      return;
    }
    const { now } = this.#sim;
    this.#returnsAt = Math.max(this.#returnsAt, now + this.#latency());
    this.#sim.schedule(this.#returnsAt - now, this.#client, deliver);
  }

  #latency(): number {
    const { random } = this.#sim;
    const { slowMs } = this.#trouble;
    return 0.1 + random.next() * 0.4 + (slowMs === 0 ? 0 : slowMs * 2 * random.next());
  }
}
