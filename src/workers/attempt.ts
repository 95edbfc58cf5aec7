import type { DurationMs } from '../domain/time/instant.js';
import type { CancelTimer, Clock } from '../runtime/clock.js';
import { AttemptAborted, type AbortWhy } from './job-context.js';

/** How long a target may take to return after its signal was aborted, before it is left behind. */
export const ABORT_GRACE_MS: DurationMs = 1000;

type TargetEnd =
  | { readonly type: 'returned'; readonly value: unknown }
  | { readonly type: 'threw'; readonly error: unknown }
  | { readonly type: 'left-behind' };

/** How an attempt ended: what the target said, unless it was left behind, and why it was aborted, if it was. */
export type AttemptEnd = TargetEnd & { readonly aborted: AbortWhy | null };

/**
 * One try of one execution: runs a target under a timeout and an abort signal. The first abort wins. A target
 * that does not return within `ABORT_GRACE_MS` of it is left behind; what it does later goes unheard. After
 * `lease-lost` there is no grace: somebody else may run the execution already.
 *
 * Thousands of these come and go each second: signal, timer and promises are made only where they are needed.
 */
export class Attempt {
  readonly #clock: Clock;
  #aborted: AttemptAborted | undefined;
  #controller: AbortController | undefined;
  #cancelTimer: CancelTimer | undefined;
  #finish: ((end: TargetEnd) => void) | undefined;

  constructor(deps: { clock: Clock }) {
    this.#clock = deps.clock;
  }

  get aborted(): AbortWhy | null {
    return this.#aborted?.why ?? null;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  abort(why: AbortWhy): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = new AttemptAborted(why);
    if (this.#finish !== undefined) {
      this.#cancelTimer?.();
      const graceMs = why === 'lease-lost' ? 0 : ABORT_GRACE_MS;
      this.#cancelTimer = this.#clock.setTimer(graceMs, () => this.#finish?.({ type: 'left-behind' }));
    }
    this.#controller?.abort(this.#aborted);
  }

  /** Called once; never rejects. A target whose attempt was aborted before is not started. */
  run(target: () => unknown, timeoutMs: DurationMs): Promise<AttemptEnd> {
    return new Promise((resolve) => {
      this.#finish = (end) => {
        this.#finish = undefined;
        this.#cancelTimer?.();
        resolve({ ...end, aborted: this.aborted });
      };
      if (this.#aborted === undefined) this.#start(target, timeoutMs);
      else this.#finish({ type: 'left-behind' });
    });
  }

  #start(target: () => unknown, timeoutMs: DurationMs): void {
    let value: unknown;
    try {
      value = target();
    } catch (error) {
      this.#finish?.({ type: 'threw', error });
      return;
    }
    if (!isThenable(value)) {
      this.#finish?.({ type: 'returned', value });
      return;
    }
    this.#armTimeout(this.#clock.monotonicNow() + timeoutMs);
    value.then(
      (result) => this.#finish?.({ type: 'returned', value: result }),
      (error: unknown) => this.#finish?.({ type: 'threw', error }),
    );
  }

  /** Timers are cut to an hour, timeouts may be longer. */
  #armTimeout(deadline: number): void {
    this.#cancelTimer = this.#clock.setTimer(deadline - this.#clock.monotonicNow(), () => {
      if (this.#clock.monotonicNow() >= deadline) this.abort('timeout');
      else this.#armTimeout(deadline);
    });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
