import { describe, expect, it } from 'vitest';
import { CatchUpPace } from '../../src/scheduler/catch-up-pace.js';
import { aTriggerDefinition } from '../support/builders.js';
import { every, JOB, setup } from './shard-fixture.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
/** Of the shard, as the default says: 2000 in a second. */
const PER_SECOND = 2000;
const fireAll = { policy: 'fireAll', graceMs: 1000, maxAgeMs: 2 * HOUR, maxCount: 1000 } as const;
const fireOnce = { policy: 'fireOnce', graceMs: 1000, maxAgeMs: 2 * HOUR, maxCount: 1 } as const;

/** So many one-shots or triggers alike, `name0`, `name1`, … */
function many<T>(name: string, count: number, fields: (i: number) => T): Record<string, T> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i}`, fields(i)]));
}

describe('catching up after an outage', () => {
  it('releases late fires at the rate, and none faster', async () => {
    const { clock, lead, put, records } = setup();
    await put(many('t', 6000, () => ({ ...every(HOUR), misfire: fireOnce })));
    await clock.advance(HOUR + MINUTE);
    const start = clock.now();
    await lead();
    await clock.advance(4000);
    const firedAt = (await records()).map((record) => record.firedAt - start);
    expect(firedAt).toHaveLength(6000);
    for (let second = 0; second < 3; second++) {
      const count = firedAt.filter((at) => at >= second * 1000 && at < (second + 1) * 1000).length;
      expect(count).toBeLessThanOrEqual(PER_SECOND * 1.1 + 100);
      expect(count).toBeGreaterThan(PER_SECOND * 0.85);
    }
  });

  it('fires on time what is due meanwhile, however large the backlog', async () => {
    const { clock, lead, put, records } = setup();
    // More than one read holds, so that what is on time lies far behind in the index.
    await put(many('late', 7000, () => ({ ...every(HOUR), misfire: fireOnce })));
    await clock.advance(HOUR + MINUTE);
    await put({ now: every(1000) });
    const start = clock.now();
    await lead();
    await clock.advance(3000);
    const all = await records();
    expect(all.filter(({ trigger }) => trigger === 'now').map((record) => record.firedAt - record.nominalAt)).toEqual([
      0, 0, 0,
    ]);
    expect(all.filter(({ trigger }) => trigger !== 'now').length).toBeLessThan(7000);
    await clock.advance(2000);
    expect((await records()).filter((record) => record.trigger !== 'now' && record.firedAt >= start)).toHaveLength(
      7000,
    );
  });

  it('keeps the order of the nominal times of each trigger, and decides each time once', async () => {
    const { clock, lead, put, records, origin } = setup();
    await put(many('t', 100, (i) => ({ ...every(MINUTE), jitterMs: i + 1, misfire: fireAll })));
    await clock.advance(HOUR - 1000);
    await lead();
    await clock.advance(10_000);
    const all = await records();
    expect(all).toHaveLength(6000);
    for (let i = 0; i < 100; i++) {
      const fires = all.filter(({ trigger }) => trigger === `t${i}`);
      expect(fires.map(({ nominalAt }) => (nominalAt - origin) / MINUTE)).toEqual(
        Array.from({ length: 60 }, (_, i) => i + 1),
      );
      const firedAt = fires.map((fire) => fire.firedAt);
      expect(firedAt).toEqual([...firedAt].sort((a, b) => a - b));
    }
  });

  it('lets a trigger go with its next time on time instead of waiting for its turn', async () => {
    const { clock, lead, put, records, origin } = setup();
    await put(many('late', 4000, () => ({ ...every(2 * HOUR), misfire: fireOnce })));
    await put({ own: { ...every(HOUR), misfire: fireOnce } }, { job: 'shop/other' });
    await clock.advance(4 * HOUR - 500);
    await lead();
    await clock.advance(500);
    const own = (await records()).filter(({ trigger }) => trigger === 'own');
    expect(own.map(({ state, nominalAt, firedAt }) => [state, (nominalAt - origin) / HOUR, firedAt - origin])).toEqual([
      ['missed', 1, 4 * HOUR],
      ['missed', 2, 4 * HOUR],
      ['queued', 4, 4 * HOUR],
    ]);
  });

  it('records what is missed at once, and does not count it', async () => {
    const { clock, lead, put, records } = setup();
    const skip = { policy: 'skip', graceMs: 1000, maxAgeMs: HOUR, maxCount: 1 } as const;
    await put(many('t', 3000, () => ({ ...every(MINUTE), misfire: skip })));
    await clock.advance(10 * MINUTE + 30_000);
    const { metrics } = await lead();
    await clock.advance(200);
    const all = await records();
    expect(all).toHaveLength(3000);
    expect(all[0]).toMatchObject({ state: 'missed', reason: 'misfire-skip', missed: { count: 10 } });
    expect((await metrics.lateFires.get()).values).toMatchObject([{ value: 0 }]);
  });

  it('records nothing as missed before it fires what is on time', async () => {
    const { clock, faulty, lead, put, records } = setup();
    const skip = { policy: 'skip', graceMs: 1000, maxAgeMs: HOUR, maxCount: 1 } as const;
    await put(many('t', 7000, () => ({ ...every(HOUR), misfire: skip })));
    await put({ now: every(MINUTE) }, { job: 'shop/other' });
    await clock.advance(HOUR + MINUTE - 1);
    await put({ now: every(MINUTE) }, { job: 'shop/live' });
    faulty.inject('fire', { delayMs: 100 }, 100);
    await lead();
    await clock.advance(101);
    const live = (await records()).filter(({ job }) => job === 'shop/live');
    // As soon as a write is free, of the four that were under way.
    expect(live.map(({ state, firedAt, nominalAt }) => [state, firedAt - nominalAt])).toEqual([['queued', 99]]);
  });

  it('reads a backlog of triggers that are on time again in steps, not without end', async () => {
    const { clock, faulty, lead, put, records } = setup();
    await put(many('t', 6000, () => ({ ...every(MINUTE), misfire: fireOnce })));
    await clock.advance(10 * MINUTE + 1000);
    faulty.inject('fire', { delayMs: 400 }, 4);
    await lead();
    await clock.advance(400);
    expect(faulty.callsOf('readDue').length).toBeLessThan(10);
    await clock.advance(2000);
    expect((await records()).filter(({ state }) => state === 'queued')).toHaveLength(6000);
  });

  it('passes over what lies in a pause of a trigger, also with a policy that would make up for all', async () => {
    const { clock, stores, lead, put, records, origin } = setup();
    await put({ a: { ...every(MINUTE), misfire: fireAll } });
    await lead();
    const paused = aTriggerDefinition({ ...every(MINUTE), misfire: fireAll, paused: true });
    await clock.advance(MINUTE);
    await stores.jobs.putTriggers(JOB, [{ name: 'a', definition: paused, watermark: clock.now(), next: null }]);
    await clock.advance(HOUR);
    await put({ a: { ...every(MINUTE), misfire: fireAll } });
    await clock.advance(MINUTE);
    expect((await records()).map(({ state, nominalAt }) => [state, (nominalAt - origin) / MINUTE])).toEqual([
      ['queued', 1],
      ['queued', 62],
    ]);
  });

  it('counts what it released late, and says how far behind the shard is', async () => {
    const { clock, lead, put } = setup();
    await put(many('t', 4000, () => ({ ...every(HOUR), misfire: fireOnce })));
    await clock.advance(HOUR + MINUTE);
    const { loop, metrics } = await lead();
    await clock.advance(1000);
    expect(loop.lagMs()).toBe(MINUTE + 1000);
    await clock.advance(2000);
    expect(loop.lagMs()).toBe(0);
    expect((await metrics.lateFires.get()).values).toMatchObject([{ value: 4000 }]);
  });
});

describe('the pace of catching up', () => {
  it('lets through so many in a second, evenly, with no burst after a rest', () => {
    const pace = new CatchUpPace({ perSecond: 50 });
    expect(pace.stepSize).toBe(5);
    let passed = 0;
    for (let now = 1_000_000; now < 1_010_000; now += 10) {
      if (now === 1_005_000) now += 60_000;
      if (now >= pace.freeAt) {
        pace.spend(now, 1);
        passed += 1;
      }
    }
    expect(passed).toBeGreaterThanOrEqual(250);
    expect(passed).toBeLessThanOrEqual(256);
  });

  it('takes less than one in a second too', () => {
    const pace = new CatchUpPace({ perSecond: 0.25 });
    pace.spend(10_000, 1);
    expect([pace.stepSize, pace.freeAt]).toEqual([1, 13_900]);
  });
});
