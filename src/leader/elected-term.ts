import type { Epoch, MemberId, ShardId } from '../domain/shard.js';
import type { LeadershipTerm, TermEndReason } from './leadership-term.js';

export interface ElectedTermDeps {
  /** Whether what the election rests on (session, lease) still holds at this instant. */
  readonly isTrusted: () => boolean;
  /** Called once, after `ended` was aborted. */
  readonly onEnd: (term: ElectedTerm, reason: TermEndReason) => void;
}

export class ElectedTerm implements LeadershipTerm {
  readonly shard: ShardId;
  readonly epoch: Epoch;
  readonly member: MemberId;
  readonly #deps: ElectedTermDeps;
  readonly #end = new AbortController();

  constructor(deps: ElectedTermDeps, facts: { shard: ShardId; epoch: Epoch; member: MemberId }) {
    this.#deps = deps;
    this.shard = facts.shard;
    this.epoch = facts.epoch;
    this.member = facts.member;
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  isTrusted(): boolean {
    return !this.#end.signal.aborted && this.#deps.isTrusted();
  }

  end(reason: TermEndReason): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort(reason);
    this.#deps.onEnd(this, reason);
  }
}
