import type { LeadershipTerm } from '../leader/leadership-term.js';
import type { ExecutionStore } from '../store/execution-store.js';

const LIMIT = 500;

/** Deletes executions and finished triggers whose retention has ended, a bounded number in each pass. */
export class ExecutionCleaner {
  readonly #store: Pick<ExecutionStore, 'deleteExpired'>;
  readonly #term: LeadershipTerm;

  constructor({ store, term }: { store: Pick<ExecutionStore, 'deleteExpired'>; term: LeadershipTerm }) {
    this.#store = store;
    this.#term = term;
  }

  /** Returns how many were deleted. */
  runOnce(): Promise<number> {
    return this.#store.deleteExpired(this.#term.shard, this.#term.epoch, LIMIT);
  }
}
