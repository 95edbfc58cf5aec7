import type { CancelTimer, Clock } from '../runtime/clock.js';
import type { DurationMs } from '../domain/time/instant.js';
import { AttemptAborted, type AbortWhy } from './job-context.js';

/** How long a target may take to return after its signal was aborted, before it is left behind. */
export const ABORT_GRACE_MS: DurationMs = 1000;

/** How an attempt ended: what the target said, unless it was left behind, and why it was aborted, if it was. */
export type AttemptEnd = { readonly aborted: AbortWhy | null } & (
  | { readonly type: 'returned'; readonly value: unknown }
  | { readonly type: 'threw'; readonly error: unknown }
  | { readonly type: 'left-behind' }
);

/**
 * One try of one execution: runs a target under a timeout and an abort signal. The first abort wins. A target
 * that does not return within `ABORT_GRACE_MS` of it is left behind; what it does later goes unheard. After
 * `lease-lost` there is no grace: somebody else may run the execution already.
 */
export class Attempt {
  readonly #clock: Clock;
  #aborted: AttemptAborted | undefined;
  #controller: AbortController | undefined;
  #cancelTimer: CancelTimer = () => undefined;
  #leaveBehind: () => void = () => undefined;

  constructor(deps: { clock: Clock }) {
    this.#clock = deps.clock;
  }

  get aborted(): AbortWhy | null {
    return this.#aborted?.why ?? null;
  }

  /** Made when first asked for: most handlers never look at it. */
  readonly signal = (): AbortSignal => {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  };

  abort(why: AbortWhy): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = new AttemptAborted(why);
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.setTimer(why === 'lease-lost' ? 0 : ABORT_GRACE_MS, () => this.#leaveBehind());
    this.#controller?.abort(this.#aborted);
  }

  /** Called once; never rejects. A target whose attempt was aborted before is not started. */
  async run(target: () => unknown, timeoutMs: DurationMs): Promise<AttemptEnd> {
    if (this.#aborted !== undefined) {
      this.#cancelTimer();
      return { type: 'left-behind', aborted: this.#aborted.why };
    }
    const leftBehind = new Promise<{ type: 'left-behind' }>((resolve) => {
      this.#leaveBehind = () => resolve({ type: 'left-behind' });
    });
    this.#armTimeout(this.#clock.monotonicNow() + timeoutMs);
    const end = await Promise.race([settled(target), leftBehind]);
    this.#cancelTimer();
    return { ...end, aborted: this.aborted };
  }

  /** Timers are cut to an hour, timeouts may be longer. */
  #armTimeout(deadline: number): void {
    this.#cancelTimer = this.#clock.setTimer(deadline - this.#clock.monotonicNow(), () => {
      if (this.#clock.monotonicNow() >= deadline) this.abort('timeout');
      else this.#armTimeout(deadline);
    });
  }
}

async function settled(
  target: () => unknown,
): Promise<{ type: 'returned'; value: unknown } | { type: 'threw'; error: unknown }> {
  try {
    return { type: 'returned', value: await target() };
  } catch (error) {
    return { type: 'threw', error };
  }
}
