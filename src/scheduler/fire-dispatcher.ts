import { FencedError, StoreUnavailableError } from '../domain/errors.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { LeadershipTerm } from '../leader/leadership-term.js';
import { delay, type Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { ExecutionStore, FireDecision, FireResult } from '../store/execution-store.js';

export interface FireDispatcherDeps {
  readonly store: Pick<ExecutionStore, 'fire'>;
  readonly term: LeadershipTerm;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface FireAnswer {
  /** In the order of the decisions; null for one that the store refuses by itself. Shorter when the rest is not known. */
  readonly results: readonly (FireResult | null)[];
  /** An earlier answer was lost: `stale` may mean that the decision was applied then. */
  readonly isRepeated: boolean;
}

/** After this long without an answer the decisions are made anew from what is stored. */
const RESEND_FOR_MS: DurationMs = 5000;
const FIRST_WAIT_MS: DurationMs = 10;
const LONGEST_WAIT_MS: DurationMs = 500;

/**
 * Sends decisions to the store under the epoch of its term. Asks the term for trust immediately before each
 * sending. When an answer is lost, the very same decisions are sent again: the watermark lets them in once.
 * When the store cannot take a batch, its halves are sent, down to the decision that is at fault: one bad
 * record must not hold up the others.
 */
export class FireDispatcher {
  readonly #deps: FireDispatcherDeps;

  constructor(deps: FireDispatcherDeps) {
    this.#deps = deps;
  }

  /** Null when it is not known, or not for us to know any more, what became of the decisions. */
  async send(decisions: readonly FireDecision[], signal: AbortSignal): Promise<FireAnswer | null> {
    const { store, term, clock, logger, metrics } = this.#deps;
    const giveUpAt = clock.monotonicNow() + RESEND_FOR_MS;
    for (let failures = 0; !signal.aborted && term.isTrusted(); failures++) {
      try {
        const results = await store.fire(term.shard, term.epoch, decisions);
        metrics.fireBatch.observe(decisions.length);
        return { results, isRepeated: failures > 0 };
      } catch (error) {
        if (error instanceof FencedError) {
          metrics.fencedWrites.inc();
          logger.warn('fire-fenced', { shard: term.shard, epoch: term.epoch, error });
          term.end('fenced');
          return null;
        }
        if (failures === 0) logger.warn('fire-unanswered', { shard: term.shard, count: decisions.length, error });
        if (!(error instanceof StoreUnavailableError)) return this.#sendInHalves(decisions, error, signal);
        await delay(clock, Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS), signal);
        if (clock.monotonicNow() >= giveUpAt) return null;
      }
    }
    return null;
  }

  async #sendInHalves(
    decisions: readonly FireDecision[],
    error: unknown,
    signal: AbortSignal,
  ): Promise<FireAnswer | null> {
    const { metrics, logger } = this.#deps;
    if (decisions.length === 1) {
      metrics.fires.inc({ outcome: 'refused' });
      logger.error('fire-refused', { trigger: decisions[0]?.trigger, error });
      return { results: [null], isRepeated: false };
    }
    const half = Math.ceil(decisions.length / 2);
    const first = await this.send(decisions.slice(0, half), signal);
    if (first?.results.length !== half) return first;
    const second = await this.send(decisions.slice(half), signal);
    // The store may have applied some of them before it failed.
    return { results: [...first.results, ...(second?.results ?? [])], isRepeated: true };
  }
}
