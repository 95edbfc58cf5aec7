import type { Clock } from './clock.js';
import { delay } from './clock.js';
import type { Logger } from './logger.js';
import { Service } from './service.js';

export interface PeriodicLoopConfig {
  readonly name: string;
  /** Longest wait between the end of a pass and the start of the next, in ms; jittered by up to -10 %. */
  readonly intervalMs: number;
  /** Wait after a pass that threw, doubled for each further failure. */
  readonly errorDelayMs?: number;
  /** Default: `intervalMs` or 5 s, whichever is larger. */
  readonly longestErrorDelayMs?: number;
}

export interface PeriodicLoopDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** One pass. May return how long to wait at most before the next one, in ms. */
  readonly runOnce: (signal: AbortSignal) => Promise<number | void>;
}

/**
 * Runs one duty again and again, one pass at a time. `wake` starts the next pass at once; several wakes
 * coalesce, and a wake during a pass lets another pass follow without a wait. A pass that throws is logged
 * and repeated after a growing delay. `stop` waits for the pass under way, whose signal is aborted.
 */
export class PeriodicLoop extends Service {
  readonly name: string;
  readonly #deps: PeriodicLoopDeps;
  readonly #config: PeriodicLoopConfig;
  #running: Promise<void> = Promise.resolve();
  #woken = false;
  #endWait: (() => void) | undefined;

  constructor(deps: PeriodicLoopDeps, config: PeriodicLoopConfig) {
    super();
    this.name = config.name;
    this.#deps = deps;
    this.#config = config;
  }

  wake(): void {
    this.#woken = true;
    this.#endWait?.();
  }

  protected onStart(): Promise<void> {
    this.#running = this.#run();
    return Promise.resolve();
  }

  protected async onStop(): Promise<void> {
    this.#endWait?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger, runOnce } = this.#deps;
    const { intervalMs, errorDelayMs = 100, longestErrorDelayMs = Math.max(intervalMs, 5000) } = this.#config;
    let failures = 0;
    while (!this.stopSignal.aborted) {
      this.#woken = false;
      let waitMs = intervalMs * (1 - 0.1 * Math.random());
      try {
        const wanted = await runOnce(this.stopSignal);
        if (typeof wanted === 'number') waitMs = Math.min(wanted, intervalMs);
        failures = 0;
      } catch (error) {
        if (this.stopSignal.aborted) return;
        failures += 1;
        waitMs = Math.min(errorDelayMs * 2 ** (failures - 1), longestErrorDelayMs);
        logger.error('loop-pass-failed', { loop: this.name, failures, error });
      }
      if (failures > 0) await delay(clock, waitMs, this.stopSignal);
      else if (!this.#woken && waitMs > 0) await this.#wait(waitMs);
    }
  }

  #wait(waitMs: number): Promise<void> {
    if (this.stopSignal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#deps.clock.setTimer(waitMs, () => this.#endWait?.());
      this.#endWait = () => {
        this.#endWait = undefined;
        cancel();
        resolve();
      };
    });
  }
}
