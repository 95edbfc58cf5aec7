import { describe, expect, it } from 'vitest';
import { every, once, setup } from './shard-fixture.js';

describe('ShardLoop, taking over', () => {
  it('decides everything since the stored watermark, nothing missed and nothing doubled', async () => {
    const { clock, lead, put, records, fired } = setup();
    await put({ a: every(1000), b: every(1500) });
    const first = await lead(1);
    await clock.advance(3000);
    await first.loop.stop();
    await clock.advance(4200);
    const second = await lead(2);
    await clock.advance(800);
    expect(second.loop.state).toBe('running');
    const a = (await records()).filter(({ trigger }) => trigger === 'a').map(({ nominalAt }) => nominalAt);
    const b = (await records()).filter(({ trigger }) => trigger === 'b').map(({ nominalAt }) => nominalAt);
    expect(a).toHaveLength(8);
    expect(new Set(a).size).toBe(8);
    expect(b).toHaveLength(5);
    expect(await fired()).toContain('a@4000+3200');
  });

  it('applies the misfire policy to a gap longer than the grace', async () => {
    const { clock, lead, put, records, watch } = setup();
    const events = await watch();
    await put({ a: every(60_000) });
    await clock.advance(600_500);
    const { metrics } = await lead();
    const all = await records();
    expect(all.map(({ state, missed }) => [state, missed?.count])).toEqual([
      ['missed', 9],
      ['queued', undefined],
    ]);
    expect(events.map(({ type }) => type)).toEqual(['fired', 'missed']);
    expect((await metrics.misses.get()).values).toEqual([{ labels: { reason: 'misfire-collapsed' }, value: 9 }]);
  });

  it('fires a one-shot that came while nobody led', async () => {
    const { clock, lead, put, fired, origin } = setup();
    await put({ a: once(origin + 1000) });
    await clock.advance(600_000);
    await lead();
    expect(await fired()).toEqual(['a@1000+599000']);
  });

  it('works through a backlog that one decision cannot hold, while others fire on time', async () => {
    const { clock, lead, put, records } = setup();
    await put({ fast: every(100), slow: every(1000) });
    await clock.advance(500_000);
    await lead();
    await clock.advance(2000);
    const all = await records();
    const fast = all.filter(({ trigger }) => trigger === 'fast');
    expect(fast.reduce((sum, { missed }) => sum + (missed?.count ?? 1), 0)).toBe(5020);
    const slow = all.filter(({ trigger, nominalAt }) => trigger === 'slow' && nominalAt > clock.now() - 1900);
    expect(slow.map(({ firedAt, dueAt }) => firedAt - dueAt)).toEqual([0, 0]);
  });

  it('seals the fence before anything else', async () => {
    const { faulty, stores, lead } = setup();
    await lead(7);
    expect(faulty.calls[0]?.method).toBe('sealFence');
    expect(await stores.executions.readFence(0)).toMatchObject({ epoch: 7, member: 'member-7' });
  });

  it('leaves word that nobody leads when it stops', async () => {
    const { stores, lead } = setup();
    const { loop } = await lead(7);
    await loop.stop();
    expect(await stores.executions.readFence(0)).toMatchObject({ epoch: 7, member: null });
  });

  it('stops an old leader at the fence of the new one', async () => {
    const { clock, lead, put, fired, stores } = setup();
    await put({ a: every(1000) });
    const old = await lead(1);
    const young = await lead(2);
    await clock.advance(3000);
    expect(await fired()).toEqual(['a@1000+0', 'a@2000+0', 'a@3000+0']);
    expect(old.term.ended.reason).toBe('fenced');
    expect(old.loop.state).toBe('stopped');
    expect((await old.metrics.fencedWrites.get()).values[0]?.value).toBe(1);
    expect(young.loop.state).toBe('running');
    expect(await stores.executions.readFence(0)).toMatchObject({ epoch: 2, member: 'member-2' });
  });

  it('ends its term when a greater epoch sealed the fence first', async () => {
    const { lead } = setup();
    await lead(5);
    const late = await lead(4);
    expect(late.term.ended.reason).toBe('fenced');
    expect(late.loop.state).toBe('failed');
  });

  it('writes nothing while its term is not trusted, and makes up for it afterwards', async () => {
    const { clock, faulty, lead, put, fired } = setup();
    await put({ a: every(1000) });
    const { term } = await lead();
    await clock.advance(500);
    term.trusted = false;
    const before = faulty.calls.length;
    await clock.advance(2000);
    expect(await fired()).toEqual([]);
    expect(faulty.calls.slice(before).filter(({ method }) => method !== 'wakeTimes')).toEqual([]);
    term.trusted = true;
    await clock.advance(100);
    expect((await fired()).map((text) => text.split('+')[0])).toEqual(['a@1000', 'a@2000']);
  });

  it('sees by the misfire policy what came due while it was not trusted', async () => {
    const { clock, lead, put, records } = setup();
    await put({ a: { ...every(1000), misfire: { policy: 'skip', graceMs: 5000, maxAgeMs: 60_000, maxCount: 5 } } });
    const { term } = await lead();
    await clock.advance(500);
    term.trusted = false;
    await clock.advance(20_000);
    term.trusted = true;
    await clock.advance(100);
    const all = await records();
    expect(all[0]).toMatchObject({ state: 'missed', missed: { count: 15 } });
    expect(all.filter(({ state }) => state === 'queued')).toHaveLength(5);
  });

  it('leaves no timer behind', async () => {
    const { clock, lead, put } = setup();
    await put({ a: every(1000) });
    const { loop } = await lead();
    await clock.advance(5000);
    await loop.stop();
    expect(clock.pending).toBe(0);
  });
});
