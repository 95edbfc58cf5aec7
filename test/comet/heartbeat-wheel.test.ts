import { beforeEach, describe, expect, it } from 'vitest';
import { HeartbeatWheel } from '../../src/comet/heartbeat-wheel.js';
import { ManualClock } from '../support/manual-clock.js';

describe('heartbeat wheel', () => {
  let clock: ManualClock;
  let wheel: HeartbeatWheel;
  let visits: number[];

  beforeEach(async () => {
    clock = new ManualClock();
    wheel = new HeartbeatWheel({ clock }, { tickMs: 1000, slotCount: 8 });
    visits = [];
    await wheel.start();
  });

  const visited = (...delays: (number | null)[]) => ({
    visit: () => {
      visits.push(clock.monotonicNow());
      return delays.shift() ?? null;
    },
  });

  it('visits at the tick at or after the delay, and again as asked', async () => {
    wheel.add(visited(2500, 1000), 1500);
    await clock.advance(20_000);
    expect(visits).toEqual([2000, 5000, 6000]);
  });

  it('comes early rather than late when the delay is longer than the ring', async () => {
    wheel.add(visited(), 60_000);
    await clock.advance(60_000);
    expect(visits).toEqual([7000]);
  });

  it('uses one timer for everybody and none after stopping', async () => {
    for (let i = 0; i < 100; i++) wheel.add(visited(1000, 1000), 1000 * (i % 5));
    expect(clock.pending).toBe(1);
    await wheel.stop();
    expect(clock.pending).toBe(0);
  });
});
