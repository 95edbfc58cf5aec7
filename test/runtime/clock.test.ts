import { describe, expect, it } from 'vitest';
import { delay, MAX_TIMER_MS } from '../../src/runtime/clock.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { ManualClock } from '../support/manual-clock.js';

describe('delay', () => {
  it('ends early when the signal aborts, and leaves no timer', async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const waited = delay(clock, 1000, abort.signal);
    abort.abort();
    expect(await waited).toBe(false);
    expect(clock.pending).toBe(0);
    expect(await delay(clock, 1000, abort.signal)).toBe(false);
  });

  it('resolves true after its time', async () => {
    const clock = new ManualClock();
    let done: boolean | undefined;
    void delay(clock, 1000).then((value) => (done = value));
    await clock.advance(999);
    expect(done).toBeUndefined();
    await clock.advance(1);
    expect(done).toBe(true);
  });
});

describe('systemClock', () => {
  it('does not fire a timer of many days at once, as setTimeout would', async () => {
    const fired: string[] = [];
    const cancel = systemClock.setTimer(40 * 24 * MAX_TIMER_MS, () => fired.push('long'));
    await new Promise<void>((resolve) => systemClock.setTimer(20, resolve));
    cancel();
    expect(fired).toEqual([]);
  });

  it('has a monotonic clock that is not the wall clock', () => {
    const before = systemClock.monotonicNow();
    expect(systemClock.monotonicNow()).toBeGreaterThanOrEqual(before);
    expect(Math.abs(systemClock.now() - before)).toBeGreaterThan(1e9);
  });
});
