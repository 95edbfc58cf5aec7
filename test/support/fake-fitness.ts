import type { Fitness } from '../../src/leader/leader-elector.js';

/** Fit until the test says otherwise. */
export class FakeFitness implements Fitness {
  #refusal: string | null = null;
  readonly #listeners: (() => void)[] = [];

  refusal(): string | null {
    return this.#refusal;
  }

  onChanged(listener: () => void): void {
    this.#listeners.push(listener);
  }

  set(refusal: string | null): void {
    this.#refusal = refusal;
    for (const listener of this.#listeners) listener();
  }
}
