import type { Metrics } from '../runtime/metrics.js';

/** The concurrency of a worker. A slot is taken before a claim asks for it, so claims never bring more than fits. */
export class Slots {
  readonly total: number;
  readonly #metrics: Metrics;
  #taken = 0;
  #onFree: () => void = () => undefined;

  constructor(deps: { metrics: Metrics }, config: { concurrency: number }) {
    this.#metrics = deps.metrics;
    this.total = config.concurrency;
    this.#metrics.slots.set(this.total);
  }

  get free(): number {
    return this.total - this.#taken;
  }

  get taken(): number {
    return this.#taken;
  }

  take(count: number): void {
    this.#taken += count;
    this.#metrics.slotsBusy.set(this.#taken);
  }

  release(count: number): void {
    if (count === 0) return;
    this.#taken -= count;
    this.#metrics.slotsBusy.set(this.#taken);
    this.#onFree();
  }

  /** Called after every release; one listener. */
  onFree(listener: () => void): void {
    this.#onFree = listener;
  }
}
