import { describe, expect, it } from 'vitest';
import type { ExecutionId } from '../../src/domain/execution.js';
import type { TriggerDefinition } from '../../src/domain/trigger.js';
import { aToken } from '../support/builders.js';
import { JOB, setup } from './shard-fixture.js';

const LANES = ['default/handler/work'] as const;
const HOUR = 3_600_000;

function after(delayMs: number, fields: Partial<TriggerDefinition> = {}): Partial<TriggerDefinition> {
  return { schedule: { type: 'after', delayMs }, ...fields };
}

function world() {
  const fixture = setup();
  const { stores, clock, origin } = fixture;
  /** What is queued runs for `ms`, and ends well. */
  async function work(ms: number): Promise<void> {
    const token = aToken();
    const claimed = await stores.executions.claim(0, { lanes: LANES, limit: 10, worker: 'w1', leaseMs: HOUR, token });
    await clock.advance(ms);
    const settlement = { type: 'succeeded', retentionMs: HOUR } as const;
    await stores.executions.settle(
      0,
      claimed.map(({ execution }) => ({ id: execution.id, token, settlement })),
    );
    await clock.advance(0);
  }
  async function dueIn(name: string): Promise<number | undefined> {
    const dueAt = (await stores.jobs.getTrigger(`${JOB}/${name}`))?.dueAt;
    return dueAt === undefined ? undefined : dueAt - origin;
  }
  const end = async (): Promise<void> => {
    const [last] = (await fixture.records()).slice(-1);
    await stores.executions.cancelExecution(last?.id as ExecutionId, HOUR);
    await clock.advance(0);
  };
  return { ...fixture, work, dueIn, end };
}

describe('a fixed delay after completion', () => {
  it('fires its delay after creation, and then after the end of each execution, however long that took', async () => {
    const { clock, lead, put, work, fired } = world();
    await put({ a: after(1000) });
    await lead();
    await clock.advance(1000);
    await work(2500);
    await clock.advance(999);
    expect(await fired()).toEqual(['a@1000+0']);
    await clock.advance(1);
    await work(10);
    await clock.advance(1000);
    await work(30_000);
    await clock.advance(1000);
    expect(await fired()).toEqual(['a@1000+0', 'a@4500+0', 'a@5510+0', 'a@36510+0']);
  });

  it('fires once for an outage, and counts from the end of that', async () => {
    const { clock, lead, put, work, fired } = world();
    await put({ a: after(1000) });
    await clock.advance(30_000);
    await lead();
    await work(500);
    await clock.advance(1000);
    expect(await fired()).toEqual(['a@1000+29000', 'a@31500+0']);
  });

  it('goes on under another leader when its execution ends between the two', async () => {
    const { clock, lead, put, work, fired } = world();
    await put({ a: after(1000) });
    const first = await lead(1);
    await clock.advance(1000);
    await first.loop.stop();
    await work(500);
    await clock.advance(300);
    await lead(2);
    await clock.advance(700);
    expect(await fired()).toEqual(['a@1000+0', 'a@2500+0']);
  });

  it('is due its delay after the death of a worker was found', async () => {
    const { clock, stores, lead, put, fired, records } = world();
    await put({ a: after(1000) }, { definition: { retry: { maxAttempts: 1 } } });
    await lead();
    await clock.advance(1000);
    await stores.executions.claim(0, { lanes: LANES, limit: 1, worker: 'w1', leaseMs: 5000, token: aToken() });
    await clock.advance(6000);
    const [dead] = await records();
    expect(dead).toMatchObject({ state: 'failed', reason: 'attempts-used-up' });
    await clock.advance(1000);
    const nominal = Number(dead?.finishedAt) + 1000;
    expect((await records())[1]).toMatchObject({ state: 'queued', nominalAt: nominal });
    expect(await fired()).toHaveLength(2);
  });

  it('asks the calendars, the end and the last fire', async () => {
    const { clock, stores, calendars, origin, lead, put, work, fired, dueIn } = world();
    const definition = { type: 'daily', from: '00:00', to: '00:10', timeZone: 'UTC' } as const;
    await stores.calendars.putCalendar({ namespace: 'shop', name: 'closed', definition });
    await calendars.refresh();
    await put({
      a: after(60_000, { calendars: ['closed'] }),
      b: after(60_000, { endAt: origin + 100_000 }),
      c: after(60_000, { maxFires: 2 }),
    });
    await lead();
    await clock.advance(60_000);
    await work(10);
    expect(await fired()).toEqual(['b@60000+0', 'c@60000+0']);
    await clock.advance(60_000);
    await work(10);
    expect([await dueIn('a'), await dueIn('b'), await dueIn('c')]).toEqual([600_000, undefined, undefined]);
    await clock.advance(480_000);
    await work(10);
    expect(await dueIn('a')).toBe(660_030);
    await clock.advance(200_000);
    expect(await fired()).toEqual(['b@60000+0', 'c@60000+0', 'c@120010+0', 'a@600000+0', 'a@660030+0']);
  });

  it('keeps to its jitter after each end', async () => {
    const { clock, lead, put, work, records } = world();
    await put({ a: after(10_000, { jitterMs: 5000 }) });
    await lead();
    await clock.advance(15_000);
    await work(0);
    await clock.advance(15_000);
    const [first, second] = await records();
    expect(second?.nominalAt).toBe(Number(first?.finishedAt) + 10_000);
    expect(second?.dueAt).toBeGreaterThan(Number(second?.nominalAt));
    expect(second?.firedAt).toBe(second?.dueAt);
  });

  it('passes over what is due in a pause of the job, and counts from its end', async () => {
    const { clock, stores, lead, put, end, records, fired } = world();
    await put({ a: after(1000) });
    await lead();
    await clock.advance(1000);
    await stores.jobs.pauseJob(JOB, 'maintenance');
    await end();
    await clock.advance(10_500);
    await stores.jobs.resumeJob(JOB);
    await clock.advance(999);
    expect(await records()).toHaveLength(1);
    await clock.advance(1);
    expect(await fired()).toEqual(['a@1000+0', 'a@12500+0']);
  });

  it('waits for an execution that still runs when a resume or a change has made it due', async () => {
    const { clock, lead, put, end, fired, dueIn } = world();
    await put({ a: after(1000) });
    const { metrics } = await lead();
    await clock.advance(1000);
    await put({ a: after(2000) });
    expect(await dueIn('a')).toBe(3000);
    await clock.advance(7000);
    expect([await fired(), await dueIn('a')]).toEqual([['a@1000+0'], undefined]);
    expect((await metrics.fires.get()).values).toContainEqual({ labels: { outcome: 'waiting' }, value: 1 });
    await end();
    await clock.advance(2000);
    expect(await fired()).toEqual(['a@1000+0', 'a@10000+0']);
  });

  it('is not lost when the answer to a fire is', async () => {
    const { clock, faulty, lead, put, work, fired } = world();
    await put({ a: after(1000) });
    await lead();
    faulty.inject('fire', 'after');
    await clock.advance(1500);
    await work(0);
    await clock.advance(1000);
    expect(await fired()).toEqual(['a@1000+0', 'a@2500+0']);
  });

  it('records what a policy of skip does not fire, and goes on from when that was found', async () => {
    const { clock, lead, put, records, origin } = world();
    const misfire = { policy: 'skip', graceMs: 1000, maxAgeMs: HOUR, maxCount: 1 } as const;
    await put({ a: after(1000, { misfire }) });
    await clock.advance(10_000);
    await lead();
    await clock.advance(1000);
    expect((await records()).map(({ state, nominalAt }) => [state, nominalAt - origin])).toEqual([
      ['missed', 1000],
      ['queued', 11_000],
    ]);
  });
});
