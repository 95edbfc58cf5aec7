import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertMove,
  canMove,
  EXECUTION_STATES,
  EXECUTION_TRANSITIONS,
  isTerminal,
} from '../../src/domain/execution-state.js';

const aState = fc.constantFrom(...EXECUTION_STATES);

describe('states of an execution', () => {
  it('are terminal exactly for what has ended', () => {
    expect(EXECUTION_STATES.filter(isTerminal)).toEqual(['succeeded', 'failed', 'cancelled', 'missed', 'skipped']);
  });

  it('lead from a terminal state to nowhere', () => {
    fc.assert(
      fc.property(aState, aState, (from, to) => {
        expect(canMove(from, to) && isTerminal(from)).toBe(false);
      }),
    );
  });

  it('can all end: a terminal state is reached from everywhere', () => {
    for (const state of EXECUTION_STATES) {
      const reached = new Set([state]);
      for (const from of reached) for (const to of EXECUTION_TRANSITIONS[from]) reached.add(to);
      expect([...reached].some(isTerminal), state).toBe(true);
    }
  });

  it('reach running only through queued, so that every attempt is claimed', () => {
    const before = EXECUTION_STATES.filter((from) => canMove(from, 'running'));
    expect(before).toEqual(['queued']);
  });

  it('never turn into missed or skipped: those are born', () => {
    expect(EXECUTION_STATES.filter((from) => canMove(from, 'missed') || canMove(from, 'skipped'))).toEqual([]);
  });

  it('are guarded: a move that the table lacks is a bug of ours', () => {
    fc.assert(
      fc.property(aState, aState, (from, to) => {
        const move = (): void => assertMove(from, to);
        if (canMove(from, to)) expect(move).not.toThrow();
        else expect(move).toThrow(expect.objectContaining({ code: 'CJ_INVARIANT' }));
      }),
    );
  });
});
