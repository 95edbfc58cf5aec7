import type { DurationMs } from '../domain/time/instant.js';
import type { Fitness } from '../leader/leader-elector.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { ClusterClock } from '../store/cluster-clock.js';

export interface ClockFitnessDeps {
  readonly clusterClock: ClusterClock;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const LOOK_MS: DurationMs = 1000;
/** Leads again below this part of the limit, so that a clock at the limit does not move shards to and fro. */
const BACK_AT = 0.8;

/**
 * A member whose wall clock and the store's are too far apart does not lead: one of the two is wrong, and it is not
 * known which. If it is the member's, others lead. If it is the store's, nobody does, and nothing fires early or
 * is passed over, until somebody has set it right.
 */
export class ClockFitness extends PeriodicLoop implements Fitness {
  readonly #watch: SkewWatch;

  constructor(deps: ClockFitnessDeps, config: { readonly maxSkewMs: DurationMs }) {
    const watch = new SkewWatch(deps, config);
    super(
      { clock: deps.clock, logger: deps.logger, runOnce: async () => watch.look() },
      { name: 'clock-fitness', intervalMs: LOOK_MS },
    );
    this.#watch = watch;
  }

  refusal(): string | null {
    return this.#watch.refusal;
  }

  onChanged(listener: () => void): void {
    this.#watch.listeners.push(listener);
  }
}

class SkewWatch {
  refusal: string | null = null;
  readonly listeners: (() => void)[] = [];
  readonly #deps: ClockFitnessDeps;
  readonly #maxSkewMs: DurationMs;

  constructor(deps: ClockFitnessDeps, { maxSkewMs }: { readonly maxSkewMs: DurationMs }) {
    this.#deps = deps;
    this.#maxSkewMs = maxSkewMs;
  }

  look(): void {
    const { clusterClock, metrics, logger } = this.#deps;
    const skewMs = Math.round(clusterClock.skewMs());
    const wasRefused = this.refusal !== null;
    const isRefused = skewMs > this.#maxSkewMs * (wasRefused ? BACK_AT : 1);
    this.refusal = isRefused ? `clock-skew: this clock and the store's are ${skewMs} ms apart` : null;
    metrics.leadershipRefused.set({ reason: 'clock-skew' }, isRefused ? 1 : 0);
    if (isRefused === wasRefused) return;
    const facts = { reason: 'clock-skew', skewMs, maxSkewMs: this.#maxSkewMs };
    if (isRefused) logger.error('leadership-refused', facts);
    else logger.info('leadership-allowed', facts);
    for (const listener of this.listeners) listener();
  }
}
