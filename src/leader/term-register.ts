import type { Epoch, MemberId, ShardId } from '../domain/shard.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { Probe } from '../runtime/probe.js';
import { ElectedTerm } from './elected-term.js';
import type { LeadershipTerm, TermEndReason } from './leadership-term.js';

export interface TermRegisterDeps {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
  /** The holder of a term ended it, not the elector. */
  readonly onHolderEnd?: (term: LeadershipTerm, reason: TermEndReason) => void;
}

/** The terms of one member, at most one for each shard. Announces each to the listener exactly once. */
export class TermRegister {
  readonly #deps: TermRegisterDeps;
  readonly #member: MemberId;
  readonly #terms = new Map<ShardId, ElectedTerm>();
  #listener: (term: LeadershipTerm) => void = () => undefined;
  #isClosed = false;

  constructor(deps: TermRegisterDeps, config: { readonly member: MemberId }) {
    this.#deps = deps;
    this.#member = config.member;
  }

  get current(): ReadonlyMap<ShardId, LeadershipTerm> {
    return this.#terms;
  }

  onTerm(listener: (term: LeadershipTerm) => void): void {
    this.#listener = listener;
  }

  /** Starts a term and announces it before it returns. Does nothing after `close`. */
  open(shard: ShardId, epoch: Epoch, isTrusted: () => boolean): void {
    if (this.#isClosed) return;
    const { logger, metrics, probe } = this.#deps;
    const onEnd = (ended: ElectedTerm, reason: TermEndReason): void => this.#ended(ended, reason);
    const term = new ElectedTerm({ isTrusted, onEnd }, { shard, epoch, member: this.#member });
    this.#terms.set(shard, term);
    metrics.leading.set(this.#terms.size);
    metrics.epoch.set({ shard: String(shard) }, epoch);
    logger.info('term-started', { shard, epoch });
    probe.signal('term-started', { shard, epoch });
    try {
      this.#listener(term);
    } catch (error) {
      logger.error('term-listener-failed', { shard, epoch, error });
      term.end('resigned');
    }
  }

  end(shard: ShardId, reason: TermEndReason): void {
    const term = this.#terms.get(shard);
    this.#terms.delete(shard);
    term?.end(reason);
  }

  endAll(reason: TermEndReason): void {
    for (const shard of [...this.#terms.keys()]) this.end(shard, reason);
  }

  /** Ends all terms; none is opened any more. */
  close(): void {
    this.#isClosed = true;
    this.endAll('stopping');
  }

  #ended(term: ElectedTerm, reason: TermEndReason): void {
    const { logger, metrics, probe, onHolderEnd } = this.#deps;
    const isEndedByHolder = this.#terms.delete(term.shard);
    metrics.leading.set(this.#terms.size);
    metrics.epoch.remove({ shard: String(term.shard) });
    metrics.termsEnded.inc({ reason });
    logger.info('term-ended', { shard: term.shard, epoch: term.epoch, reason });
    probe.signal('term-ended', { shard: term.shard, epoch: term.epoch, reason });
    if (isEndedByHolder) onHolderEnd?.(term, reason);
  }
}
