import type { CloudJobError } from '../domain/errors.js';
import type { PutOutcome, TriggerWrite } from '../store/job-store.js';
import type { TriggerResult } from './job-client.js';

/** Most triggers that one transition of the store takes. */
export const TRIGGER_CHUNK = 1000;

/**
 * Gathers triggers into chunks of distinct names and writes each as a whole, one after the other, so that of
 * two triggers of one name the later stays. Results keep the order of the input.
 */
export class TriggerBatch {
  readonly #write: (writes: readonly TriggerWrite[]) => Promise<readonly PutOutcome[]>;
  readonly #results: TriggerResult[] = [];
  readonly #waiting = new Map<string, { index: number; write: TriggerWrite }>();

  constructor(write: (writes: readonly TriggerWrite[]) => Promise<readonly PutOutcome[]>) {
    this.#write = write;
  }

  /** `write` is null when nothing has to be written. */
  async add(index: number, name: string, write: TriggerWrite | null): Promise<void> {
    if (this.#waiting.has(name) || this.#waiting.size === TRIGGER_CHUNK) await this.#flush();
    if (write === null) this.#results[index] = { name, outcome: 'unchanged' };
    else this.#waiting.set(name, { index, write });
  }

  refuse(index: number, input: unknown, error: CloudJobError): void {
    const name = typeof input === 'object' && input !== null && 'name' in input ? input.name : undefined;
    this.#results[index] = typeof name === 'string' ? { name, error } : { error };
  }

  async end(): Promise<readonly TriggerResult[]> {
    await this.#flush();
    return this.#results;
  }

  async #flush(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting.entries()];
    this.#waiting.clear();
    const outcomes = await this.#write(waiting.map(([, { write }]) => write));
    for (const [i, [name, { index }]] of waiting.entries()) {
      this.#results[index] = { name, outcome: outcomes[i] ?? 'unchanged' };
    }
  }
}
