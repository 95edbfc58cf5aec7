import { epochOf, type Epoch } from '../../src/domain/shard.js';
import type { LeadershipTerm, TermEndReason } from '../../src/leader/leadership-term.js';

/** A term of shard 0 that is trusted until the test says otherwise. */
export class FakeTerm implements LeadershipTerm {
  readonly shard = 0;
  readonly epoch: Epoch;
  readonly member: string;
  trusted = true;
  readonly #end = new AbortController();

  constructor(epoch: number, member = `member-${epoch}`) {
    this.epoch = epochOf(epoch);
    this.member = member;
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  isTrusted(): boolean {
    return this.trusted && !this.#end.signal.aborted;
  }

  end(reason: TermEndReason): void {
    if (!this.#end.signal.aborted) this.#end.abort(reason);
  }
}
