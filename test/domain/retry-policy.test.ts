import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryDelay, retryPolicySchema, type RetryPolicy } from '../../src/domain/retry-policy.js';

const ALMOST_ONE = 1 - Number.EPSILON;

function aPolicy(backoff: Partial<RetryPolicy['backoff']> = {}): RetryPolicy {
  return retryPolicySchema.parse({ backoff });
}

describe('the retry policy', () => {
  it('has three attempts with exponential backoff from one second to a minute by default', () => {
    expect(retryPolicySchema.parse({})).toEqual({
      maxAttempts: 3,
      backoff: { type: 'exponential', initialMs: 1000, maxMs: 60_000 },
    });
  });

  it('doubles the wait with each attempt', () => {
    const waits = [1, 2, 3, 4].map((attempt) => retryDelay(aPolicy(), attempt, ALMOST_ONE));
    expect(waits).toEqual([1000, 2000, 4000, 8000]);
  });

  it('keeps a fixed wait', () => {
    const policy = aPolicy({ type: 'fixed', initialMs: 700 });
    expect([1, 2, 50].map((attempt) => retryDelay(policy, attempt, ALMOST_ONE))).toEqual([700, 700, 700]);
  });

  it('spreads the wait over its upper half', () => {
    expect([0, 0.5, ALMOST_ONE].map((random) => retryDelay(aPolicy(), 1, random))).toEqual([500, 750, 1000]);
  });

  it('stays a whole number between half the backoff and its maximum, for any attempt', () => {
    const policies = fc.record({
      type: fc.constantFrom('fixed' as const, 'exponential' as const),
      initialMs: fc.integer({ min: 0, max: 86_400_000 }),
      maxMs: fc.integer({ min: 0, max: 86_400_000 }),
    });
    const random = fc.double({ min: 0, max: ALMOST_ONE, noNaN: true });
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 100 }), random, (backoff, attempt, unitRandom) => {
        const wait = retryDelay(aPolicy(backoff), attempt, unitRandom);
        expect(Number.isInteger(wait)).toBe(true);
        expect(wait).toBeLessThanOrEqual(backoff.maxMs);
        expect(wait).toBeGreaterThanOrEqual(Math.floor(Math.min(backoff.initialMs, backoff.maxMs) / 2));
      }),
    );
  });

  it('never waits less after a later attempt', () => {
    const attempts = fc.integer({ min: 1, max: 99 });
    fc.assert(
      fc.property(attempts, fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }), (attempt, unitRandom) => {
        const policy = aPolicy();
        expect(retryDelay(policy, attempt + 1, unitRandom)).toBeGreaterThanOrEqual(
          retryDelay(policy, attempt, unitRandom),
        );
      }),
    );
  });
});
