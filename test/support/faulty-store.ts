import { StoreUnavailableError } from '../../src/domain/errors.js';
import { delay, type Clock } from '../../src/runtime/clock.js';

/**
 * `before`: the call never reaches the store. `after`: it is applied, and its answer is lost.
 * `delayMs`: it is applied at once, and its answer takes this long. `failIf`: fails for good, unapplied, when the
 * arguments are such.
 */
export type Fault =
  'before' | 'after' | { readonly delayMs: number } | { readonly failIf: (args: readonly unknown[]) => boolean };

type Method = (...args: unknown[]) => Promise<unknown>;

/** A store port whose next calls of a method go wrong as the test says. Calls are recorded with their arguments. */
export class FaultyStore<T extends object> {
  readonly store: T;
  readonly calls: { readonly method: string; readonly args: readonly unknown[] }[] = [];
  readonly #faults = new Map<string, Fault[]>();
  readonly #clock: Clock;

  constructor(target: T, clock: Clock) {
    this.#clock = clock;
    this.store = new Proxy(target, {
      get: (_target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function' || typeof property !== 'string') return value;
        return (...args: unknown[]) => this.#call(property, args, (value as Method).bind(target));
      },
    });
  }

  /** The next `times` calls of the method have this fault. */
  inject(method: keyof T & string, fault: Fault, times = 1): void {
    const queue = this.#faults.get(method) ?? [];
    this.#faults.set(method, [...queue, ...Array.from({ length: times }, () => fault)]);
  }

  /** No further faults. */
  heal(): void {
    this.#faults.clear();
  }

  callsOf(method: keyof T & string): (readonly unknown[])[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.args);
  }

  async #call(method: string, args: readonly unknown[], apply: Method): Promise<unknown> {
    this.calls.push({ method, args });
    const fault = this.#faults.get(method)?.shift();
    if (fault === undefined) return apply(...args);
    if (typeof fault === 'object' && 'failIf' in fault) {
      if (fault.failIf(args)) throw new Error(`${method} cannot take this`);
      return apply(...args);
    }
    if (fault === 'before') throw new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', `${method} was not sent`);
    const answer = apply(...args);
    if (typeof fault === 'object') {
      await delay(this.#clock, fault.delayMs);
      return answer;
    }
    await answer;
    throw new StoreUnavailableError('CJ_REDIS_TIMEOUT', `the answer to ${method} was lost`);
  }
}
