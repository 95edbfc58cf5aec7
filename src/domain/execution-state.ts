import { InvariantError } from './errors.js';

/**
 * States of an execution and the only ways between them. `missed` and `skipped` are records of fires that
 * did not run. A terminal state is final.
 */
export const EXECUTION_TRANSITIONS = {
  queued: ['running', 'cancelled'],
  running: ['succeeded', 'retrying', 'failed', 'cancelled', 'queued'],
  retrying: ['queued', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
  missed: [],
  skipped: [],
} as const satisfies Record<string, readonly string[]>;

export type ExecutionState = keyof typeof EXECUTION_TRANSITIONS;

export const EXECUTION_STATES = Object.keys(EXECUTION_TRANSITIONS) as readonly ExecutionState[];

export function isTerminal(state: ExecutionState): boolean {
  return EXECUTION_TRANSITIONS[state].length === 0;
}

export function canMove(from: ExecutionState, to: ExecutionState): boolean {
  return (EXECUTION_TRANSITIONS[from] as readonly ExecutionState[]).includes(to);
}

/** Throws `CJ_INVARIANT` for a move that the table does not have. */
export function assertMove(from: ExecutionState, to: ExecutionState): void {
  if (!canMove(from, to)) throw new InvariantError(`an execution cannot go from ${from} to ${to}`);
}
