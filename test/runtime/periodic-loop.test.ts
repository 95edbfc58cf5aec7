import { describe, expect, it } from 'vitest';
import { PeriodicLoop } from '../../src/runtime/periodic-loop.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { ManualClock } from '../support/manual-clock.js';

function setup(pass: (count: number) => Promise<number | void> | number | void) {
  const clock = new ManualClock();
  const state = { count: 0 };
  const runOnce = async (): Promise<number | void> => {
    state.count += 1;
    return pass(state.count);
  };
  const loop = new PeriodicLoop(
    { clock, logger: silentLogger, runOnce },
    { name: 'loop', intervalMs: 1000, errorDelayMs: 100 },
  );
  return { clock, loop, state };
}

describe('PeriodicLoop', () => {
  it('passes once per interval', async () => {
    const { clock, loop, state } = setup(() => undefined);
    await loop.start();
    await clock.advance(0);
    expect(state.count).toBe(1);
    await clock.advance(5000);
    expect(state.count).toBeGreaterThanOrEqual(6);
    expect(state.count).toBeLessThanOrEqual(7);
    await loop.stop();
    expect(clock.pending).toBe(0);
  });

  it('waits no longer than a pass asks for', async () => {
    const { clock, loop, state } = setup(() => 10);
    await loop.start();
    await clock.advance(100);
    expect(state.count).toBe(11);
    await loop.stop();
  });

  it('runs at once when woken, and coalesces wakes', async () => {
    const { clock, loop, state } = setup(() => undefined);
    await loop.start();
    await clock.advance(0);
    loop.wake();
    loop.wake();
    await clock.advance(0);
    expect(state.count).toBe(2);
    await loop.stop();
  });

  it('follows a wake during a pass with another pass', async () => {
    let release: () => void = () => undefined;
    const { clock, loop, state } = setup((count) =>
      count === 1 ? new Promise((resolve) => (release = resolve)) : undefined,
    );
    await loop.start();
    await clock.advance(0);
    loop.wake();
    release();
    await clock.advance(0);
    expect(state.count).toBe(2);
    await loop.stop();
  });

  it('waits no longer after many failing passes than it is told', async () => {
    const clock = new ManualClock();
    let count = 0;
    const runOnce = (): Promise<void> => Promise.reject(new Error(`no ${(count += 1)}`));
    const loop = new PeriodicLoop(
      { clock, logger: silentLogger, runOnce },
      { name: 'loop', intervalMs: 1000, errorDelayMs: 100, longestErrorDelayMs: 300 },
    );
    await loop.start();
    await clock.advance(100 + 200 + 300 + 300 + 299);
    expect(count).toBe(5);
    await clock.advance(1);
    expect(count).toBe(6);
    await loop.stop();
  });

  it('goes on after a failing pass, with a growing delay that a wake does not cut', async () => {
    const { clock, loop, state } = setup((count) => (count <= 2 ? Promise.reject(new Error('no')) : undefined));
    await loop.start();
    await clock.advance(0);
    loop.wake();
    await clock.advance(99);
    expect(state.count).toBe(1);
    await clock.advance(1);
    expect(state.count).toBe(2);
    await clock.advance(199);
    expect(state.count).toBe(2);
    await clock.advance(1);
    expect(state.count).toBe(3);
    await loop.stop();
  });

  it('stops during a wait without another pass, leaving no timer', async () => {
    const { clock, loop, state } = setup(() => undefined);
    await loop.start();
    await clock.advance(0);
    await loop.stop();
    await clock.advance(10_000);
    expect(state.count).toBe(1);
    expect(clock.pending).toBe(0);
  });
});
