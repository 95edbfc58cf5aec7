import { FencedError, StoreUnavailableError } from '../domain/errors.js';
import { joinKnown, lossOf, type KnownProgress, type LossKind, type ShardProgress } from '../domain/shard-progress.js';
import type { Epoch, ShardId } from '../domain/shard.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { ShardCheckpoints } from '../leader/shard-checkpoints.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { Probe } from '../runtime/probe.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { EventBus } from '../store/event-bus.js';
import type { ExecutionStore, FireDecision, FireResult } from '../store/execution-store.js';
import type { ProgressStore } from '../store/progress-store.js';

export interface RollbackGuardDeps {
  readonly store: Pick<ExecutionStore, 'fire'>;
  readonly progress: ProgressStore;
  /** Undefined without ZooKeeper: then only what this process remembers is compared. */
  readonly checkpoints: ShardCheckpoints | undefined;
  /** What this process knows of each shard, kept from term to term. */
  readonly memory: Map<ShardId, KnownProgress>;
  readonly term: LeadershipTerm;
  readonly events: EventBus;
  readonly clusterClock: ClusterClock;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

const MARK_MS: DurationMs = 1000;
const RETRY_MS: DurationMs = 100;
/** A leader that the store has not answered for so long leaves its shard to members that may reach it. */
export const RESIGN_AFTER_MS: DurationMs = 5000;
/** A checkpoint of a shard in which nothing fires is renewed this seldom. */
const IDLE_CHECKPOINT_MS: DurationMs = 10_000;

/**
 * Finds out when the store has lost writes that it had acknowledged: after a restart without its last writes, the
 * promotion of a replica that lacked some, a flush, or because it is another store altogether (ADR 7).
 *
 *   before sealing   what the store says is compared with the checkpoint and with the memory of this process
 *   every second     one commit is counted, if the store still has at least what it has acknowledged
 *   each fire        is counted by the store; when its answer comes, one more is known to be there
 *   interruption     of the connection: no fire is sent before the next mark was answered
 *   no answer        for `RESIGN_AFTER_MS`: the term is given up
 *
 * A loss is reported, recorded, and the term ended: the next one begins on an epoch above all that was seen, and
 * reads everything anew. Of a foreign store nothing is written, and the shard is not led on it.
 */
export class RollbackGuard {
  readonly #deps: RollbackGuardDeps;
  readonly #loop: PeriodicLoop;
  #known: KnownProgress | null = null;
  /** Number of the interruption after which the store was found in order; -1 before the first time. */
  #verified = -1;
  /** Grows with each mark: a fire that was sent before a mark was answered may be counted in it. */
  #generation = 0;
  #marking: Promise<void> | undefined;
  #hasFired = false;
  #checkpointAt = -Infinity;
  /** Monotonic instant at which the last mark that was answered was sent. */
  #heardAt = 0;
  #hasReportedForeign = false;

  constructor(deps: RollbackGuardDeps) {
    this.#deps = deps;
    this.#loop = new PeriodicLoop(
      { clock: deps.clock, logger: deps.logger, runOnce: () => this.#pass() },
      { name: `rollback-guard-${deps.term.shard}`, intervalMs: MARK_MS },
    );
  }

  /**
   * Before the fence is sealed. Errors: `StoreUnavailableError`, with `CJ_REDIS_FOREIGN` for a store that is not the
   * known one; `CoordinationError`; `FencedError`.
   */
  async compare(): Promise<void> {
    const { progress, checkpoints, memory, term } = this.#deps;
    const known = joinKnown((await checkpoints?.read(term.shard)) ?? null, memory.get(term.shard) ?? null);
    // After it: what another leader adds in between is then no loss.
    const found = await progress.readProgress(term.shard);
    this.#known = known;
    const loss = known === null ? null : lossOf(known, found);
    if (known === null || loss === null) return;
    await this.#report(loss, known, found);
    if (loss === 'foreign') throw this.#foreign(known, found);
  }

  /** After the fence was sealed; resolves when the store was found in order. Errors: as those of `compare`. */
  async start(): Promise<void> {
    await this.#mark();
    await this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** As the store's, but not before what is behind an interrupted connection was found to be the same. */
  async fire(shard: ShardId, epoch: Epoch, decisions: readonly FireDecision[]): Promise<readonly FireResult[]> {
    if (!this.#isVerified()) await this.#mark();
    if (!this.#isVerified() || !this.#deps.term.isTrusted()) {
      throw new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', `shard ${shard} was not found in order yet`);
    }
    const generation = this.#generation;
    const results = await this.#deps.store.fire(shard, epoch, decisions);
    this.#acknowledged(decisions, results, generation === this.#generation);
    return results;
  }

  #isVerified(): boolean {
    return this.#verified === this.#deps.progress.interruptionCount;
  }

  #acknowledged(decisions: readonly FireDecision[], results: readonly FireResult[], isCounted: boolean): void {
    const known = this.#known;
    if (known === null) return;
    let { decidedThrough } = known;
    let refires = 0;
    if (!results.some(({ outcome }) => outcome === 'fired')) return;
    for (const [index, { dueAt, fires }] of decisions.entries()) {
      if (results[index]?.outcome !== 'fired') continue;
      decidedThrough = Math.max(decidedThrough, dueAt);
      if (known.lostThrough > 0) refires += fires.filter((fire) => fire.dueAt <= known.lostThrough).length;
    }
    if (refires > 0) this.#deps.metrics.refires.inc(refires);
    this.#hasFired = true;
    this.#learn({ ...known, decidedThrough, commits: known.commits + (isCounted ? 1 : 0) });
  }

  async #pass(): Promise<number> {
    const { term, logger } = this.#deps;
    if (!term.isTrusted()) return RETRY_MS;
    try {
      await this.#mark();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      if (this.#deps.clock.monotonicNow() - this.#heardAt >= RESIGN_AFTER_MS) term.end('resigned');
      return RETRY_MS;
    }
    await this.#checkpoint().catch((error: unknown) => {
      // What this process remembers is enough as long as it lives.
      logger.warn('checkpoint-not-written', { shard: term.shard, error });
    });
    return MARK_MS;
  }

  /** One at a time. */
  #mark(): Promise<void> {
    this.#marking ??= this.#markOnce().finally(() => (this.#marking = undefined));
    return this.#marking;
  }

  async #markOnce(): Promise<void> {
    const { progress, term, metrics, clock } = this.#deps;
    const { shard, epoch } = term;
    const sentAt = clock.monotonicNow();
    const interruption = progress.interruptionCount;
    const { history = null, commits = 0 } = this.#known ?? {};
    try {
      const result = await progress.markProgress(shard, epoch, { history, commits });
      this.#generation += 1;
      this.#heardAt = sentAt;
      if (result.outcome === 'behind') return await this.#onBehind(result.found);
      const { decidedThrough = 0, lostThrough = 0, commits: least = 0 } = this.#known ?? {};
      const counted = Math.max(least, result.commits);
      this.#learn({ epoch, history: result.history, commits: counted, decidedThrough, lostThrough });
      this.#verified = interruption;
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      metrics.fencedWrites.inc();
      term.end('fenced');
    }
  }

  async #onBehind(found: ShardProgress): Promise<void> {
    const { term, logger } = this.#deps;
    const known = this.#known ?? { history: '', epoch: term.epoch, commits: 0, decidedThrough: 0, lostThrough: 0 };
    // If nothing else is known: the fence is below the epoch under which it was sealed.
    const loss = (this.#known === null ? null : lossOf(known, found)) ?? 'rolled-back';
    await this.#report(loss, known, found).catch((error: unknown) => {
      // The next term finds the same, and tries again.
      logger.warn('rollback-not-recorded', { shard: term.shard, error });
    });
    term.end('rolled-back');
  }

  /** First said, then written down, so that it is rather said twice than never. */
  async #report(loss: LossKind, known: KnownProgress, found: ShardProgress): Promise<void> {
    const { term, metrics, logger, events, probe, progress, clusterClock } = this.#deps;
    if (loss === 'foreign' && this.#hasReportedForeign) return;
    this.#hasReportedForeign = loss === 'foreign';
    const { shard, epoch } = term;
    const { decidedThrough } = known;
    const at = Math.floor(clusterClock.now());
    const lostCommits = loss === 'foreign' ? 0 : Math.max(known.commits - found.commits, 0);
    const facts = { shard, epoch, kind: loss, lostCommits, decidedThrough, known: { ...known }, found: { ...found } };
    metrics.rollbacks.inc({ kind: loss });
    logger.error('rolled-back', facts);
    events.publish([{ type: 'rolled-back', at, facts }]);
    probe.signal('rolled-back', facts);
    if (loss === 'foreign') return;
    // Whoever leads by now finds the same.
    if (!term.isTrusted()) return;
    await progress.recordRollback(shard, epoch, { kind: loss, at, lostCommits, decidedThrough });
    const lostThrough = Math.max(known.lostThrough, decidedThrough);
    const left = found.history === null ? null : { ...known, ...found, history: found.history, lostThrough };
    await this.#deps.checkpoints?.write(shard, left);
    this.#known = left;
    if (left === null) this.#deps.memory.delete(shard);
    else this.#deps.memory.set(shard, left);
  }

  #foreign(known: KnownProgress, found: ShardProgress): StoreUnavailableError {
    const { shard } = this.#deps.term;
    return new StoreUnavailableError(
      'CJ_REDIS_FOREIGN',
      `shard ${shard} in this Redis is not the one whose checkpoint is in ZooKeeper: connect to the right Redis, or, if this one is to be used from now on, delete the checkpoint`,
      { details: { shard, known: known.history, found: found.history } },
    );
  }

  #learn(known: KnownProgress): void {
    this.#known = known;
    this.#deps.memory.set(this.#deps.term.shard, known);
  }

  async #checkpoint(): Promise<void> {
    const { checkpoints, clock, term } = this.#deps;
    const isDue = this.#hasFired || clock.monotonicNow() - this.#checkpointAt >= IDLE_CHECKPOINT_MS;
    if (checkpoints === undefined || this.#known === null || !isDue || !term.isTrusted()) return;
    this.#hasFired = false;
    if (await checkpoints.write(term.shard, this.#known)) this.#checkpointAt = clock.monotonicNow();
  }
}
