import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { Metrics } from '../../runtime/metrics.js';
import { PeriodicLoop } from '../../runtime/periodic-loop.js';
import { Service } from '../../runtime/service.js';
import type { ClusterClock } from '../cluster-clock.js';
import type { RedisConnection } from './connection.js';
import type { RedisPubSub } from './pub-sub.js';
import { readExactServerTime } from './server-time.js';

const MEASURE_EVERY_MS = 5000;
/** Round trips of one measurement; the shortest one errs least. */
const SAMPLES = 3;
/** Local clocks that are further away than this are reported. */
const WARN_OFFSET_MS = 1000;

interface Deps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly connection: RedisConnection;
  readonly pubSub: RedisPubSub;
}

/**
 * The clock of the Redis server, as far as this process knows it: measured at start and every few seconds, and
 * carried on by the monotonic clock in between, so that setting the local wall clock changes nothing.
 */
export class RedisClusterClock extends Service implements ClusterClock {
  readonly name = 'redis-cluster-clock';
  readonly #deps: Deps;
  readonly #loop: PeriodicLoop;
  /** Server's wall time minus the local monotonic clock; null before the first measurement. */
  #serverMinusMonotonic: number | null = null;

  constructor(deps: Deps) {
    super();
    this.#deps = deps;
    this.#loop = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger, runOnce: () => this.#refresh() },
      { name: 'redis-clock-measurement', intervalMs: MEASURE_EVERY_MS },
    );
  }

  now(): number {
    const { clock } = this.#deps;
    if (this.#serverMinusMonotonic === null) return clock.now();
    return Math.floor(this.#serverMinusMonotonic + clock.monotonicNow());
  }

  offsetMs(): number {
    return this.#deps.clock.now() - this.now();
  }

  /** One measurement. Errors: `StoreUnavailableError`; the last one stays in force. */
  async measure(): Promise<void> {
    const { clock, connection, metrics } = this.#deps;
    let shortest = Infinity;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const sentAt = clock.monotonicNow();
      const serverTime = await readExactServerTime(connection);
      const roundTrip = clock.monotonicNow() - sentAt;
      if (roundTrip >= shortest) continue;
      shortest = roundTrip;
      this.#serverMinusMonotonic = serverTime - sentAt - roundTrip / 2;
    }
    metrics.clockOffset.set(this.offsetMs() / 1000);
  }

  protected async onStart(): Promise<void> {
    await this.measure();
    this.#warnIfFar();
    await this.#loop.start();
  }

  protected onStop(): Promise<void> {
    return this.#loop.stop();
  }

  async #refresh(): Promise<void> {
    await Promise.all([this.measure(), this.#deps.pubSub.check()]);
    this.#warnIfFar();
  }

  #warnIfFar(): void {
    const offsetMs = this.offsetMs();
    if (Math.abs(offsetMs) > WARN_OFFSET_MS) this.#deps.logger.warn('clock-offset', { offsetMs });
  }
}
