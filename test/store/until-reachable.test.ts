import { describe, expect, it } from 'vitest';
import { ConfigError, StoreUnavailableError } from '../../src/domain/errors.js';
import { REACHABLE_WITHIN_MS, untilReachable } from '../../src/store/until-reachable.js';
import { ManualClock } from '../support/manual-clock.js';

const away = (): StoreUnavailableError => new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', 'away');

/** A step that throws these one after the other, and then the last one again and again; null = it succeeds. */
function stepThat(outcomes: readonly (Error | null)[]) {
  const clock = new ManualClock();
  const abort = new AbortController();
  let calls = 0;
  const result = untilReachable({ clock, signal: abort.signal }, () => {
    const outcome = outcomes[Math.min(calls++, outcomes.length - 1)] ?? null;
    return outcome === null ? Promise.resolve('done') : Promise.reject(outcome);
  });
  result.catch(() => undefined);
  return { clock, abort, result, calls: () => calls };
}

describe('untilReachable', () => {
  it('repeats a step that found the store away, or without an answer, until it is done', async () => {
    const noAnswer = new StoreUnavailableError('CJ_REDIS_TIMEOUT', 'no answer');
    const { clock, result, calls } = stepThat([away(), noAnswer, null]);
    await clock.advance(1000);
    await expect(result).resolves.toBe('done');
    expect(calls()).toBe(3);
  });

  it.each([
    new StoreUnavailableError('CJ_REDIS_REFUSED', 'wrong password'),
    new ConfigError('another number of shards'),
    new Error('a bug'),
  ])('does not repeat one that failed for another reason: $message', async (error) => {
    const { clock, result, calls } = stepThat([away(), error, null]);
    await clock.advance(1000);
    await expect(result).rejects.toBe(error);
    expect(calls()).toBe(2);
  });

  it('gives up with the last error when ten seconds are over', async () => {
    const error = away();
    const { clock, result, calls } = stepThat([error]);
    const outcome = expect(result).rejects.toBe(error);
    await clock.advance(REACHABLE_WITHIN_MS - 1000);
    const before = calls();
    expect(before).toBeGreaterThan(5);
    await clock.advance(5000);
    await outcome;
    expect(calls() - before).toBeLessThanOrEqual(1);
  });

  it('gives up when it is stopped', async () => {
    const { clock, abort, result, calls } = stepThat([away()]);
    await clock.advance(100);
    abort.abort();
    await expect(result).rejects.toThrow('away');
    const before = calls();
    await clock.advance(REACHABLE_WITHIN_MS);
    expect(calls()).toBe(before);
  });
});
