import { delay } from '../../src/runtime/clock.js';
import type { ExecutionStore } from '../../src/store/execution-store.js';
import { describe, expect, it, vi } from 'vitest';
import { StoreUnavailableError } from '../../src/domain/errors.js';
import type { Clock } from '../../src/runtime/clock.js';
import type { FireDecision } from '../../src/store/execution-store.js';
import { every, setup } from './shard-fixture.js';

describe('ShardLoop on a store that fails', () => {
  it('sends the same decisions again after a lost answer, and they are applied once', async () => {
    const { clock, faulty, lead, put, fired } = setup();
    await put({ a: every(1000) });
    const { metrics } = await lead();
    faulty.inject('fire', 'after');
    await clock.advance(1500);
    const [first, second] = faulty.callsOf('fire').map((args) => args[2] as readonly FireDecision[]);
    expect(second).toEqual(first);
    expect((await metrics.fires.get()).values).toEqual([{ labels: { outcome: 'unconfirmed' }, value: 1 }]);
    await clock.advance(500);
    expect(await fired()).toEqual(['a@1000+0', 'a@2000+0']);
  });

  it('sends them again when they never arrived', async () => {
    const { clock, faulty, lead, put, fired } = setup();
    await put({ a: every(1000) });
    await lead();
    faulty.inject('fire', 'before', 3);
    await clock.advance(1100);
    expect(await fired()).toEqual(['a@1000+70']);
  });

  it('catches up after an outage by the misfire policy, in order, with nothing doubled', async () => {
    const { clock, faulty, lead, put, records } = setup();
    await put({ a: { ...every(1000), misfire: { policy: 'fireAll', graceMs: 1000, maxAgeMs: 60_000, maxCount: 5 } } });
    await lead();
    faulty.inject('fire', 'before', 10_000);
    faulty.inject('readDue', 'before', 10_000);
    await clock.advance(20_500);
    faulty.heal();
    await clock.advance(3000);
    const all = await records();
    const covered = all.reduce((sum, { missed }) => sum + (missed?.count ?? 1), 0);
    expect(covered).toBe(23);
    expect(all.filter(({ state }) => state === 'missed').map(({ reason }) => reason)).toEqual(['misfire-too-many']);
  });

  it('passes by the one trigger whose fire the store cannot take, and tries it again after a minute', async () => {
    const { clock, faulty, lead, put, fired } = setup();
    const names = ['a', 'b', 'bad', 'c', 'd'];
    await put(Object.fromEntries(names.map((name) => [name, every(20_000)])));
    const { metrics } = await lead();
    const isBad = (args: readonly unknown[]): boolean =>
      (args[2] as readonly FireDecision[]).some(({ trigger }) => trigger.endsWith('/bad'));
    faulty.inject('fire', { failIf: isBad }, 10_000);
    await clock.advance(70_000);
    const good = ['a', 'b', 'c', 'd'];
    expect(await fired()).toEqual([1, 2, 3].flatMap((n) => good.map((name) => `${name}@${n * 20_000}+0`)));
    expect((await metrics.fires.get()).values).toContainEqual({ labels: { outcome: 'refused' }, value: 1 });
    faulty.heal();
    await clock.advance(12_000);
    expect((await fired()).filter((fire) => fire.startsWith('bad@'))).toEqual([
      'bad@20000+60000',
      'bad@40000+40000',
      'bad@60000+20000',
      'bad@80000+0',
    ]);
  });

  it('keeps the order of one trigger while an answer takes long', async () => {
    const { clock, faulty, lead, put, records } = setup();
    await put({ a: every(100), b: every(1000) });
    await lead();
    faulty.inject('fire', { delayMs: 350 });
    await clock.advance(1000);
    const a = (await records()).filter(({ trigger }) => trigger === 'a');
    expect(a.map(({ nominalAt }) => nominalAt)).toHaveLength(10);
    expect(a.map(({ firedAt }) => firedAt)).toEqual(a.map(({ firedAt }) => firedAt).sort((x, y) => x - y));
  });

  it('does not send a decision again because a read came while its answer was under way', async () => {
    const { clock, faulty, lead, put, origin } = setup();
    await put({ a: every(1000) });
    await lead();
    faulty.inject('fire', { delayMs: 400 });
    await clock.advance(1100);
    await put({ other: every(60_000) }, { job: 'shop/another' });
    await clock.advance(200);
    expect(faulty.callsOf('fire')).toHaveLength(1);
    await clock.advance(800);
    const sent = faulty.callsOf('fire').flatMap((args) => args[2] as readonly FireDecision[]);
    expect(sent.map(({ expected }) => expected.watermark - origin)).toEqual([0, 1000]);
  });

  it('fires on time what follows a fire that was settled while a slow read was under way', async () => {
    const { clock, faulty, lead, put, fired } = setup();
    await put({ a: every(1000) });
    await lead();
    await clock.advance(990);
    // The answer of this read still shows the fire at 1000, which is settled before it arrives.
    faulty.inject('readDue', { delayMs: 300 });
    await put({ other: every(60_000) }, { job: 'shop/another' });
    await clock.advance(2500);
    expect(await fired()).toEqual(['a@1000+0', 'a@2000+0', 'a@3000+0']);
  });

  it('does not send decisions again once its term is not trusted any more', async () => {
    const { clock, faulty, lead, put } = setup();
    await put({ a: every(1000) });
    const { term } = await lead();
    faulty.inject('fire', 'before', 100);
    await clock.advance(1005);
    const sent = faulty.callsOf('fire').length;
    term.trusted = false;
    await clock.advance(3000);
    expect(faulty.callsOf('fire').length).toBe(sent);
  });

  it('seals, subscribes and reads until the store answers', async () => {
    const { clock, faulty, lead, put, fired } = setup();
    await put({ a: every(1000) });
    faulty.inject('sealFence', 'after', 2);
    faulty.inject('onShardChanged', 'before', 2);
    faulty.inject('readDue', 'before', 2);
    const { loop } = await lead();
    expect(loop.state).toBe('starting');
    await clock.advance(1000);
    expect(loop.state).toBe('running');
    expect(await fired()).toEqual(['a@1000+0']);
  });

  it('gives its term up when the store has not answered for five seconds, and not before', async () => {
    const { clock, stores, lead, put } = setup();
    await put({ a: every(1000) });
    const { term } = await lead();
    const gone = new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', 'no store');
    const mark = vi.spyOn(stores.progress, 'markProgress').mockRejectedValue(gone);
    await clock.advance(4900);
    expect(term.ended.aborted).toBe(false);
    mark.mockRestore();
    await clock.advance(1100);
    vi.spyOn(stores.progress, 'markProgress').mockRejectedValue(gone);
    await clock.advance(3900);
    expect(term.ended.aborted).toBe(false);
    await clock.advance(1200);
    expect(term.ended.reason).toBe('resigned');
  });

  it('gives its term up when it cannot begin for five seconds', async () => {
    const { clock, faulty, lead, put } = setup();
    await put({ a: every(1000) });
    faulty.inject('sealFence', 'before', 10_000);
    const { term } = await lead();
    await clock.advance(4900);
    expect(term.ended.aborted).toBe(false);
    await clock.advance(1500);
    expect(term.ended.reason).toBe('resigned');
  });

  it('stops within half a second though the store does not answer', async () => {
    const { clock, faulty, lead, put } = setup();
    await put({ a: every(1000) });
    const { loop } = await lead();
    faulty.inject('fire', { delayMs: 60_000 });
    await clock.advance(1000);
    const stopped = loop.stop();
    await clock.advance(500);
    await stopped;
    expect(loop.state).toBe('stopped');
  });

  it('is never early by the store, though its own estimate of the clock is ahead', async () => {
    const { clock, lead, put, fired } = setup();
    await put({ a: every(1000) });
    const ahead = { now: () => clock.now() + 40, offsetMs: () => -40, skewMs: () => 40 };
    await lead(1, { clusterClock: ahead });
    await clock.advance(999);
    expect(await fired()).toEqual([]);
    await clock.advance(21);
    const [only] = await fired();
    expect(only).toMatch(/^a@1000\+\d+$/);
    expect(Number(only?.split('+')[1])).toBeLessThanOrEqual(20);
  });

  it('reads no wall clock but that of the store', async () => {
    const { clock, lead, put, fired } = setup();
    await put({ a: every(1000) });
    const blind: Clock = {
      now: () => {
        throw new Error('the local wall clock was read');
      },
      monotonicNow: () => clock.monotonicNow(),
      setTimer: (delayMs, fn) => clock.setTimer(delayMs, fn),
    };
    await lead(1, { ownClock: blind });
    await clock.advance(2000);
    expect(await fired()).toEqual(['a@1000+0', 'a@2000+0']);
  });

  it('catches up within the safety read when the clock of the store is set forward', async () => {
    const { clock, lead, put, records } = setup();
    await put({ a: every(60_000) });
    await lead();
    clock.jumpWall(100_000);
    await clock.advance(5000);
    expect((await records()).map(({ state }) => state)).toEqual(['queued']);
  });

  it('does not oversleep when the clock of the store is set back by hours and then right again', async () => {
    const { clock, lead, put, fired } = setup();
    await put({ a: every(60_000) });
    await lead();
    await clock.advance(30_000);
    clock.jumpWall(-7_200_000);
    await clock.advance(20_000);
    clock.jumpWall(7_200_000);
    await clock.advance(15_000);
    const [only] = await fired();
    expect(only).toMatch(/^a@60000\+\d+$/);
    expect(Number(only?.split('+')[1])).toBeLessThanOrEqual(5000);
  });

  it('goes on making up for what is late when the clock of the store is set back', async () => {
    const { clock, faulty, lead, put, records } = setup();
    const misfire = { policy: 'fireAll' as const, graceMs: 60_000, maxAgeMs: 3_600_000, maxCount: 1000 };
    const names = Array.from({ length: 40 }, (_, i) => `t${i}`);
    await put(Object.fromEntries(names.map((name) => [name, { ...every(1000), misfire }])));
    await lead();
    faulty.inject('fire', 'before', 10_000);
    await clock.advance(35_500);
    faulty.heal();
    while ((await records()).length === 0) await clock.advance(10);
    const made = async (): Promise<number> =>
      (await records()).reduce((sum, { missed }) => sum + (missed?.count ?? 1), 0);
    expect(await made()).toBeLessThan(40 * 22);
    clock.jumpWall(-13_000);
    await clock.advance(6000);
    expect(await made()).toBeGreaterThanOrEqual(40 * 22);
  });

  it('makes up for what is late at once when the clock was set back while it was being sent', async () => {
    const { clock, faulty, lead, put, records, origin } = setup();
    const misfire = { policy: 'fireAll' as const, graceMs: 60_000, maxAgeMs: 3_600_000, maxCount: 1000 };
    await put({ a: { ...every(1000), misfire } });
    await clock.advance(30_500);
    let sent = 0;
    const slow = Object.create(faulty.store, {
      fire: {
        value: async (...args: Parameters<ExecutionStore['fire']>) => {
          sent += 1;
          if (sent === 1) clock.jumpWall(-15_000);
          await delay(clock, 5);
          return faulty.store.fire(...args);
        },
      },
    }) as ExecutionStore;
    await lead(1, { store: slow });
    await clock.advance(2000);
    const made = (await records()).map(({ nominalAt }) => nominalAt - origin);
    expect(made).toContain(1000);
    expect(sent).toBeLessThan(50);
  });

  it('fires nothing twice when the clock of the store is set back', async () => {
    const { clock, lead, put, records } = setup();
    await put({ a: every(1000) });
    await lead();
    await clock.advance(5000);
    clock.jumpWall(-3000);
    await clock.advance(5000);
    const nominal = (await records()).map(({ nominalAt }) => nominalAt);
    expect(nominal).toHaveLength(7);
    expect(new Set(nominal).size).toBe(7);
    expect((await records()).every(({ firedAt, dueAt }) => firedAt >= dueAt)).toBe(true);
  });
});
