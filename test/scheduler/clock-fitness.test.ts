import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger, type Logger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { ClockFitness } from '../../src/scheduler/clock-fitness.js';
import { ManualClock } from '../support/manual-clock.js';

async function setup() {
  const clock = new ManualClock();
  const clusterClock = { skew: 0, now: () => clock.now(), offsetMs: () => 0, skewMs: () => clusterClock.skew };
  const metrics = new Metrics();
  const logged: string[] = [];
  const note = (event: string) => void logged.push(event);
  const logger: Logger = { ...silentLogger, error: note, info: note };
  const fitness = new ClockFitness({ clock, clusterClock, metrics, logger }, { maxSkewMs: 1000 });
  let changes = 0;
  fitness.onChanged(() => changes++);
  await fitness.start();
  onTestFinished(() => fitness.stop());
  const skewed = async (skewMs: number): Promise<string | null> => {
    clusterClock.skew = skewMs;
    await clock.advance(1000);
    return fitness.refusal();
  };
  const gauge = async () => (await metrics.leadershipRefused.get()).values[0]?.value;
  return { skewed, gauge, logged, changes: () => changes };
}

describe('ClockFitness', () => {
  it('refuses beyond the limit, says why, and allows again well below it', async () => {
    const { skewed, gauge, logged, changes } = await setup();
    expect(await skewed(1000)).toBeNull();
    expect(await gauge()).toBe(0);
    expect(await skewed(1001)).toBe("clock-skew: this clock and the store's are 1001 ms apart");
    expect(await gauge()).toBe(1);
    expect(await skewed(900)).toMatch('900 ms apart');
    expect(await skewed(800)).toBeNull();
    expect(await gauge()).toBe(0);
    expect(logged).toEqual(['leadership-refused', 'leadership-allowed']);
    expect(changes()).toBe(2);
  });
});
