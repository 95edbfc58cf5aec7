import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger, type Logger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { RedisClusterClock } from '../../../src/store/redis/redis-cluster-clock.js';
import { ManualClock } from '../../support/manual-clock.js';

const SERVER_START = Date.parse('2030-01-01T00:00:00Z');

/** A server whose clock goes along with the monotonic one; each answer takes the given times on the way. */
async function measured(trips: readonly (readonly [there: number, back: number])[]) {
  const clock = new ManualClock('2030-01-01T00:01:00.000Z');
  const server = { aheadMs: 0, isDown: false, calls: 0 };
  const serverTime = () => SERVER_START + clock.monotonicNow() + server.aheadMs;
  const master = {
    name: 'only',
    send: async () => {
      const [there, back] = trips[server.calls++ % trips.length] ?? [0, 0];
      if (server.isDown) throw new Error('down');
      if (there > 0) await clock.advance(there);
      const at = serverTime();
      if (back > 0) await clock.advance(back);
      return [String(Math.floor(at / 1000)), String(Math.round((at % 1000) * 1000))];
    },
  };
  const connection = { masters: () => [master] };
  const pubSub = { check: () => Promise.resolve() };
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (event) => void warnings.push(event) };
  const metrics = new Metrics();
  const clusterClock = new RedisClusterClock({ clock, logger, metrics, connection, pubSub });
  await clusterClock.start();
  onTestFinished(() => clusterClock.stop());
  return { clock, clusterClock, serverTime, server, metrics, warnings };
}

/** Whole milliseconds of both sides may fall apart by one. */
function expectNear(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1);
}

describe('the clock of the cluster', () => {
  it('is that of the server, measured by the shortest of several round trips', async () => {
    const { clusterClock, serverTime } = await measured([
      [40, 2],
      [1, 1],
      [3, 90],
    ]);
    expectNear(clusterClock.now(), serverTime());
  });

  it('errs by half a round trip at most', async () => {
    const { clusterClock, serverTime } = await measured([[20, 0]]);
    expect(Math.abs(clusterClock.now() - serverTime())).toBeLessThanOrEqual(10);
  });

  it('keeps what fast answers told while answers are slow, and follows a clock that was set meanwhile', async () => {
    const fast: readonly (readonly [number, number])[] = Array.from({ length: 3 }, () => [0, 0]);
    const { clock, clusterClock, serverTime, server } = await measured([
      ...fast,
      ...Array.from({ length: 60 }, () => [0, 300] as const),
    ]);
    for (let step = 0; step < 100; step++) await clock.advance(100);
    // Two clocks that drift may have parted by a few milliseconds; half of a round trip would be 150.
    expect(Math.abs(clusterClock.now() - serverTime())).toBeLessThanOrEqual(5);
    server.aheadMs += 5000;
    for (let step = 0; step < 20; step++) await clock.advance(100);
    expectNear(Math.abs(clusterClock.now() - serverTime()), 150);
  });

  it('goes on evenly when somebody sets the local clock, which is then reported', async () => {
    const { clock, clusterClock, serverTime, metrics, warnings } = await measured([[0, 0]]);
    clock.jumpWall(3_600_000);
    await clock.advance(1234);
    expectNear(clusterClock.now(), serverTime());
    expectNear(clusterClock.offsetMs(), 60_000 + 3_600_000);
    await clock.advance(10_000);
    expectNear((await metrics.clockOffset.get()).values[0]?.value ?? 0, 3660);
    expect(warnings).toContain('clock-offset');
  });

  it('follows the server within a measurement, and keeps its last one while there is no answer', async () => {
    const { clock, clusterClock, serverTime, server } = await measured([[0, 0]]);
    server.isDown = true;
    server.aheadMs = 500;
    await clock.advance(20_000);
    expectNear(clusterClock.now(), serverTime() - 500);
    server.isDown = false;
    await clock.advance(20_000);
    expectNear(clusterClock.now(), serverTime());
  });

  it('follows a clock of the server that was set, forward or back, within about a second', async () => {
    const { clock, clusterClock, serverTime, server } = await measured([[0, 0]]);
    for (const jumpMs of [3_600_000, -7_200_000]) {
      server.aheadMs += jumpMs;
      await clock.advance(1100);
      expectNear(clusterClock.now(), serverTime());
    }
  });

  it('says by how much the local clock is wrong, less what the measurement may err', async () => {
    const { clock, clusterClock } = await measured([[100, 100]]);
    clock.jumpWall(-60_000);
    await clock.advance(400);
    expect(clusterClock.skewMs()).toBe(0);
    clock.jumpWall(500);
    expect(clusterClock.skewMs()).toBe(400);
  });

  it('goes by the slowest master of a Redis Cluster, keeps one that does not answer, and publishes the spread', async () => {
    const clock = new ManualClock();
    const down = new Set<string>();
    const masterAhead = (name: string, aheadMs: number) => ({
      name,
      send: async () => {
        if (down.has(name)) throw new Error('down');
        const at = clock.now() + aheadMs;
        return [String(Math.floor(at / 1000)), String((at % 1000) * 1000)];
      },
    });
    const masters = [masterAhead('a', 0), masterAhead('b', -300), masterAhead('c', 200)];
    const metrics = new Metrics();
    const connection = { masters: () => masters };
    const pubSub = { check: () => Promise.resolve() };
    const clusterClock = new RedisClusterClock({ clock, logger: silentLogger, metrics, connection, pubSub });
    await clusterClock.start();
    onTestFinished(() => clusterClock.stop());
    expectNear(clusterClock.now(), clock.now() - 300);
    expectNear(clusterClock.skewMs(), 300);
    expect((await metrics.clockSpread.get()).values[0]?.value).toBe(0.5);
    down.add('b');
    await clock.advance(3000);
    expectNear(clusterClock.now(), clock.now() - 300);
    masters.splice(1, 1);
    await clock.advance(3000);
    expectNear(clusterClock.now(), clock.now());
  });
});
