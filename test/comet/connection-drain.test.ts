import { describe, expect, it } from 'vitest';
import { drainConnections } from '../../src/comet/connection-drain.js';
import type { Connection } from '../../src/comet/connection.js';
import { ManualClock } from '../support/manual-clock.js';

function setup(count: number): { connections: Connection[]; hints: number[]; closedAt: number[]; clock: ManualClock } {
  const clock = new ManualClock();
  const hints: number[] = [];
  const closedAt: number[] = [];
  const connections = Array.from({ length: count }, () => ({
    move: (delayMs: number) => hints.push(delayMs),
    close: (code: number) => {
      expect(code).toBe(4200);
      closedAt.push(clock.monotonicNow());
    },
  })) as unknown as Connection[];
  return { connections, hints, closedAt, clock };
}

describe('draining connections', () => {
  it('tells everybody when to go and closes them at an even pace', async () => {
    const { connections, hints, closedAt, clock } = setup(1000);
    const draining = drainConnections(connections, clock, 20_000);
    expect(hints).toHaveLength(1000);
    expect([hints[0], hints[500], hints[999]]).toEqual([0, 500, 999]);
    expect(closedAt).toHaveLength(50);
    await clock.advance(475);
    expect(closedAt).toHaveLength(500);
    await clock.advance(525);
    await draining;
    expect(closedAt).toHaveLength(1000);
    expect(closedAt.at(-1)).toBe(950);
  });

  it('is done in time however many there are', async () => {
    const { connections, closedAt, clock } = setup(10_000);
    const draining = drainConnections(connections, clock, 1000);
    await clock.advance(1000);
    await draining;
    expect(closedAt).toHaveLength(10_000);
    expect(clock.pending).toBe(0);
  });

  it('takes no time when nobody is there', async () => {
    const { connections, clock } = setup(0);
    await drainConnections(connections, clock, 1000);
    expect(clock.pending).toBe(0);
  });
});
