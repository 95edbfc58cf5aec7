import { describe, expect, it } from 'vitest';
import { every, JOB, once, setup } from './shard-fixture.js';

describe('ShardLoop, firing', () => {
  it('fires at the due instant, to the millisecond', async () => {
    const { clock, lead, put, fired } = setup();
    await put({ a: every(1000), b: every(2500) });
    await lead();
    await clock.advance(999);
    expect(await fired()).toEqual([]);
    await clock.advance(1);
    expect(await fired()).toEqual(['a@1000+0']);
    await clock.advance(4000);
    expect(await fired()).toEqual(['a@1000+0', 'a@2000+0', 'b@2500+0', 'a@3000+0', 'a@4000+0', 'a@5000+0', 'b@5000+0']);
  });

  it('sends one call for all triggers that are due together', async () => {
    const { clock, faulty, lead, put } = setup();
    await put(Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`t${i}`, every(60_000)])));
    const { metrics, probe } = await lead();
    await clock.advance(60_000);
    expect(faulty.callsOf('fire')).toHaveLength(1);
    expect(probe.count('fired')).toBe(1);
    expect((await metrics.fires.get()).values).toEqual([{ labels: { outcome: 'fired' }, value: 400 }]);
  });

  it('knows the decision before the instant comes', async () => {
    const { clock, faulty, lead, put } = setup();
    await put({ a: every(60_000) });
    await lead();
    await clock.advance(59_600);
    const reads = faulty.callsOf('readDue').length;
    await clock.advance(400);
    expect(faulty.callsOf('readDue').length).toBe(reads);
    expect(faulty.callsOf('fire')).toHaveLength(1);
  });

  it('goes on from its own results without reading between two fires of a fast trigger', async () => {
    const { clock, faulty, lead, put, fired } = setup();
    await put({ fast: every(100) });
    await lead();
    await clock.advance(10_000);
    expect(await fired()).toHaveLength(100);
    expect((await fired()).every((text) => text.endsWith('+0'))).toBe(true);
    expect(faulty.callsOf('readDue').length).toBeLessThan(30);
  });

  it('sleeps while nothing is due, but for a slow safety read', async () => {
    const { clock, faulty, lead, put } = setup();
    await put({ a: every(3_600_000) });
    await lead();
    const before = faulty.callsOf('readDue').length;
    await clock.advance(60_000);
    expect(faulty.callsOf('readDue').length - before).toBeLessThanOrEqual(12);
  });

  it('is woken by a trigger that is due before everything it knows', async () => {
    const { clock, lead, put, fired } = setup();
    await put({ late: every(3_600_000) });
    await lead();
    await clock.advance(100);
    await put({ soon: every(50) });
    await clock.advance(50);
    expect(await fired()).toEqual(['soon@150+0']);
  });

  it('is woken by a trigger that falls between two that it knows', async () => {
    const { clock, lead, put, fired, origin } = setup();
    await put({ a: once(origin + 300), z: once(origin + 900) });
    await lead();
    await clock.advance(100);
    await put({ m: once(origin + 600) });
    await clock.advance(900);
    expect(await fired()).toEqual(['a@300+0', 'm@600+0', 'z@900+0']);
  });

  it('fires what was stored without a hint within the safety read', async () => {
    const { clock, stores, lead, put, fired } = setup();
    await lead();
    stores.executions.onShardChanged = async () => async () => undefined;
    const deaf = await lead(2);
    await put({ a: every(200) });
    await clock.advance(6000);
    expect(deaf.loop.state).toBe('running');
    expect((await fired()).length).toBeGreaterThan(0);
  });

  it('writes more triggers than one read holds, none twice', async () => {
    const { clock, lead, put, records } = setup();
    const names = Array.from({ length: 6000 }, (_, i) => `t${i}`);
    for (let from = 0; from < names.length; from += 1000) {
      await put(Object.fromEntries(names.slice(from, from + 1000).map((name) => [name, every(60_000)])), {
        job: `shop/job-${from}`,
      });
    }
    await lead();
    await clock.advance(60_000);
    // Reading and planning take turns of the event loop, but no time.
    for (let turn = 0; turn < 20; turn++) await clock.advance(0);
    const all = await records();
    expect(new Set(all.map(({ id }) => id)).size).toBe(6000);
    expect(Math.max(...all.map(({ firedAt, dueAt }) => firedAt - dueAt))).toBe(0);
  });
});

describe('ShardLoop, changes between reading ahead and firing', () => {
  it('fires a changed trigger by its new schedule only', async () => {
    const { clock, lead, put, fired } = setup();
    await put({ a: every(1000) });
    await lead();
    await clock.advance(500);
    await put({ a: every(400) });
    await clock.advance(1000);
    expect(await fired()).toEqual(['a@800+0', 'a@1200+0']);
  });

  it('does not fire a deleted trigger', async () => {
    const { clock, stores, lead, put, fired } = setup();
    await put({ a: every(1000), b: every(1000) });
    await lead();
    await clock.advance(500);
    await stores.jobs.deleteTrigger(`${JOB}/a`);
    await clock.advance(1500);
    expect(await fired()).toEqual(['b@1000+0', 'b@2000+0']);
  });

  it('passes over what falls into a pause of the job, and goes on at once after it', async () => {
    const { clock, stores, lead, put, records, fired } = setup();
    await put({ a: every(1000) });
    await lead();
    await clock.advance(1500);
    await stores.jobs.pauseJob(JOB, 'maintenance');
    await clock.advance(3000);
    await stores.jobs.resumeJob(JOB);
    await clock.advance(1500);
    expect(await fired()).toEqual(['a@1000+0', 'a@5000+0', 'a@6000+0']);
    expect(await records()).toHaveLength(3);
  });

  it('does not fire a trigger that was paused', async () => {
    const { clock, lead, put, fired } = setup();
    await put({ a: every(1000) });
    await lead();
    await clock.advance(500);
    await put({ a: { ...every(1000), paused: true } });
    await clock.advance(3000);
    expect(await fired()).toEqual([]);
  });

  it('records the fire that meets a running execution as skipped', async () => {
    const { clock, lead, put, records, watch } = setup();
    const events = await watch();
    await put({ a: { ...every(1000), overlap: 'skip' } });
    const { metrics } = await lead();
    await clock.advance(2000);
    expect((await records()).map(({ state, reason }) => [state, reason])).toEqual([
      ['queued', undefined],
      ['skipped', 'overlap'],
    ]);
    expect(events.map(({ type }) => type)).toEqual(['fired', 'skipped']);
    expect((await metrics.fires.get()).values).toContainEqual({ labels: { outcome: 'skipped' }, value: 1 });
  });
});

describe('ShardLoop, triggers that cannot be decided', () => {
  it('passes them by, fires the others, and makes up for them once it can', async () => {
    const { clock, lead, put, fired } = setup();
    await put({ alien: { ...every(1000), timeZone: 'Mars/Base' }, plain: every(1000) });
    const { metrics, loop } = await lead();
    await clock.advance(2000);
    expect(await fired()).toEqual(['plain@1000+0', 'plain@2000+0']);
    expect((await metrics.fires.get()).values).toContainEqual({ labels: { outcome: 'undecidable' }, value: 1 });
    await put({ alien: every(1000) });
    await clock.advance(1000);
    expect((await fired()).filter((text) => text.startsWith('alien'))).toEqual(['alien@3000+0']);
    expect(loop.lagMs()).toBe(0);
  });

  it('drops triggers whose job is gone', async () => {
    const { clock, faulty, stores, lead, put } = setup();
    await put({ a: every(1000) });
    const trigger = await stores.jobs.getTrigger(`${JOB}/a`);
    await stores.jobs.deleteJob(JOB);
    const readDue = stores.executions.readDue.bind(stores.executions);
    stores.executions.readDue = async (...args) => {
      const batch = await readDue(...args);
      return trigger === null ? batch : { ...batch, triggers: [trigger] };
    };
    await lead(3);
    await clock.advance(10);
    expect(faulty.callsOf('dropOrphans')[0]).toEqual([0, 3, [`${JOB}/a`]]);
    expect(faulty.callsOf('fire')).toEqual([]);
  });
});
