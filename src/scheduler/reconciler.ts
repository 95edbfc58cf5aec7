import { FencedError } from '../domain/errors.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { Clock } from '../runtime/clock.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { Probe } from '../runtime/probe.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { EventBus } from '../store/event-bus.js';
import type { Repair } from '../store/reconcile-store.js';
import { ShardReconciliation, type ShardReconciliationDeps } from './shard-reconciliation.js';

export interface ReconcilerDeps extends ShardReconciliationDeps {
  readonly events: EventBus;
  readonly clusterClock: ClusterClock;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

export interface ReconcilerConfig {
  /** From the end of a pass over a shard to the beginning of the next. Smaller finds sooner what should never happen, and costs the store more. */
  readonly intervalMs: DurationMs;
}

/** A page is followed by a rest this many times as long: of the store's time, passes take a twentieth at most. */
const REST_FACTOR = 19;
const SHORTEST_REST_MS: DurationMs = 2;
const LONGEST_REST_MS: DurationMs = 2000;
/** Between two looks while no shard has anything to do. */
const LOOK_MS: DurationMs = 1000;

interface Pass {
  readonly term: LeadershipTerm;
  readonly onMoved: () => void;
  reconciliation: ShardReconciliation | null;
  /** Monotonic. */
  notBefore: number;
  readonly repaired: Map<Repair['kind'], number>;
}

/**
 * Keeps the shards of this member consistent: right after each win and then from time to time it compares
 * everything that only delivers with the records, and repairs what differs. Nothing that this program does can
 * make it differ, so each repair is reported: somebody has changed Redis by hand, or there is a bug.
 *
 * One page at a time for all shards together, with a rest after each, so that fires do not wait. A page is
 * compared and repaired in one moment, under the epoch of the term.
 */
export class Reconciler extends PeriodicLoop {
  readonly #work: Reconciling;

  constructor(deps: ReconcilerDeps, config: ReconcilerConfig) {
    const work = new Reconciling(deps, config);
    super(
      { clock: deps.clock, logger: deps.logger, runOnce: () => work.runOnce() },
      { name: 'reconciler', intervalMs: LOOK_MS },
    );
    this.#work = work;
  }

  /** Begins with this shard. `onMoved` is called when the leader has to look again at what is due. */
  add(term: LeadershipTerm, onMoved: () => void): void {
    this.#work.add(term, onMoved);
    this.wake();
  }

  remove(term: LeadershipTerm): void {
    this.#work.remove(term);
  }
}

class Reconciling {
  readonly #deps: ReconcilerDeps;
  readonly #config: ReconcilerConfig;
  /** In the order in which they have waited. */
  #passes: readonly Pass[] = [];

  constructor(deps: ReconcilerDeps, config: ReconcilerConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  add(term: LeadershipTerm, onMoved: () => void): void {
    const pass: Pass = { term, onMoved, reconciliation: null, notBefore: -Infinity, repaired: new Map() };
    this.#passes = [...this.#passes, pass];
  }

  remove(term: LeadershipTerm): void {
    this.#passes = this.#passes.filter((pass) => pass.term !== term);
  }

  /** One page of the shard that has waited longest. Returns how long to rest. */
  async runOnce(): Promise<number> {
    const { clock } = this.#deps;
    const startedAt = clock.monotonicNow();
    const next = this.#passes.find((pass) => pass.notBefore <= startedAt && pass.term.isTrusted());
    if (next === undefined) return LOOK_MS;
    if (this.#passes.includes(next)) this.#passes = [...this.#passes.filter((pass) => pass !== next), next];
    await this.#page(next);
    const tookMs = clock.monotonicNow() - startedAt;
    return Math.min(Math.max(tookMs * REST_FACTOR, SHORTEST_REST_MS), LONGEST_REST_MS);
  }

  async #page(pass: Pass): Promise<void> {
    const { clock, metrics } = this.#deps;
    const { shard, epoch } = pass.term;
    pass.reconciliation ??= new ShardReconciliation(this.#deps, {
      shard,
      epoch,
      isTrusted: () => pass.term.isTrusted(),
    });
    try {
      this.#note(pass, await pass.reconciliation.page());
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      metrics.fencedWrites.inc();
      pass.term.end('fenced');
      return;
    }
    if (!pass.reconciliation.isOver) return;
    this.#end(pass, pass.reconciliation);
    pass.reconciliation = null;
    pass.notBefore = clock.monotonicNow() + this.#config.intervalMs;
  }

  #note(pass: Pass, repairs: readonly Repair[]): void {
    if (repairs.length === 0) return;
    const { metrics, logger } = this.#deps;
    const { shard, epoch } = pass.term;
    for (const { kind, subject } of repairs) {
      metrics.repairs.inc({ kind });
      pass.repaired.set(kind, (pass.repaired.get(kind) ?? 0) + 1);
      logger.warn('repaired', { shard, epoch, kind, subject });
    }
    if (repairs.some(({ kind }) => kind === 'due-missing' || kind === 'due-too-late')) pass.onMoved();
  }

  #end({ term, repaired }: Pass, { seenCount }: ShardReconciliation): void {
    const { events, clusterClock, logger, probe } = this.#deps;
    const facts = { shard: term.shard, epoch: term.epoch, seenCount, repaired: Object.fromEntries(repaired) };
    if (repaired.size > 0) events.publish([{ type: 'repaired', at: Math.floor(clusterClock.now()), facts }]);
    logger.debug('reconciled', facts);
    probe.signal('reconciled', facts);
    repaired.clear();
  }
}
