import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { Metrics } from '../../runtime/metrics.js';
import { PeriodicLoop } from '../../runtime/periodic-loop.js';
import { Service } from '../../runtime/service.js';
import type { ClusterClock } from '../cluster-clock.js';
import { untilReachable } from '../until-reachable.js';
import type { RedisConnection, RedisMaster } from './connection.js';
import type { RedisPubSub } from './pub-sub.js';
import { exactTime } from './server-time.js';

/** A server's clock that was set is followed this soon. */
const MEASURE_EVERY_MS = 1000;
/** Round trips of one measurement; the shortest one errs least. */
const SAMPLES = 3;
/** Two clocks that nobody sets part by no more than this: the most by which NTP slews one. */
const MAX_DRIFT = 0.0005;
/** Local clocks that are further away than this are reported. */
const WARN_OFFSET_MS = 1000;

interface Deps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly connection: Pick<RedisConnection, 'masters'>;
  readonly pubSub: Pick<RedisPubSub, 'check'>;
}

/** Server's wall time minus the local monotonic clock lies between the two. */
interface Measurement {
  readonly low: number;
  readonly high: number;
  /** By the monotonic clock. */
  readonly measuredAt: number;
}

/**
 * The clock of the Redis server, as far as this process knows it: measured at start and every second, and
 * carried on by the monotonic clock in between, so that setting the local wall clock changes nothing. A round trip says
 * between which two values the difference lies; what was known stays in force within them, so that slow answers
 * take nothing away from it, and gives way where it lies outside: then a clock was set.
 *
 * A Redis Cluster has as many clocks as masters. Each script goes by that of the shard's own node, which decides what
 * is due; here the slowest of them counts, so that no fire is sent which its node would find too early. A shard
 * on a faster node fires later by the difference of the two, which is measured and published.
 */
export class RedisClusterClock extends Service implements ClusterClock {
  readonly name = 'redis-cluster-clock';
  readonly #deps: Deps;
  readonly #loop: PeriodicLoop;
  /** By name of the master; empty before the first measurement. */
  #nodes: ReadonlyMap<string, Measurement> = new Map();
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

  skewMs(): number {
    const { clock } = this.#deps;
    const localMinusMonotonic = clock.now() - clock.monotonicNow();
    const skews = [...this.#nodes.values()].map(({ low, high }) =>
      Math.max(low - localMinusMonotonic, localMinusMonotonic - high),
    );
    return Math.max(0, ...skews);
  }

  /** One measurement of each master; of one that does not answer the last one stays in force. Errors: `StoreUnavailableError` if none answers. */
  async measure(): Promise<void> {
    const { connection, metrics } = this.#deps;
    const masters = connection.masters();
    const measured = await Promise.allSettled(
      masters.map((master) => this.#measureOne(master, this.#nodes.get(master.name))),
    );
    const nodes = new Map<string, Measurement>();
    for (const [index, { name }] of masters.entries()) {
      const result = measured[index];
      const measurement = result?.status === 'fulfilled' ? result.value : this.#nodes.get(name);
      if (measurement !== undefined) nodes.set(name, measurement);
    }
    const failed = measured.find((result) => result.status === 'rejected');
    if (failed !== undefined && !measured.some(({ status }) => status === 'fulfilled')) throw failed.reason;
    if (nodes.size === 0) return;
    const bases = [...nodes.values()].map(({ low, high }) => (low + high) / 2);
    this.#nodes = nodes;
    this.#serverMinusMonotonic = Math.min(...bases);
    metrics.clockOffset.set(this.offsetMs() / 1000);
    metrics.clockSpread.set((Math.max(...bases) - Math.min(...bases)) / 1000);
  }

  protected async onStart(): Promise<void> {
    await untilReachable({ clock: this.#deps.clock, signal: this.stopSignal }, () => this.measure());
    this.#warnIfFar();
    await this.#loop.start();
  }

  protected onStop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Counts when all samples are there: a first one that took seconds is wrong by seconds. */
  async #measureOne(master: RedisMaster, before: Measurement | undefined): Promise<Measurement> {
    const { clock } = this.#deps;
    const sampleOnce = async (known: Measurement | undefined): Promise<Measurement> => {
      const sentAt = clock.monotonicNow();
      const serverTime = exactTime(await master.send('TIME'));
      const measuredAt = clock.monotonicNow();
      return narrowed(known, { low: serverTime - measuredAt, high: serverTime - sentAt, measuredAt });
    };
    let known = await sampleOnce(before);
    for (let count = 1; count < SAMPLES; count++) known = await sampleOnce(known);
    return known;
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

/** What both say; where they exclude each other, what the later one says. */
function narrowed(before: Measurement | undefined, sample: Measurement): Measurement {
  if (before === undefined) return sample;
  const driftMs = (sample.measuredAt - before.measuredAt) * MAX_DRIFT;
  const low = Math.max(sample.low, before.low - driftMs);
  const high = Math.min(sample.high, before.high + driftMs);
  return low <= high ? { ...sample, low, high } : sample;
}
