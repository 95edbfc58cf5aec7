import { describe, expect, it } from 'vitest';
import type { BackfillInput } from '../../src/domain/backfill.js';
import { StoreClient } from '../../src/client/store-client.js';
import { every, JOB, once, setup } from './shard-fixture.js';
import { ENDED_BACKFILL_MS } from '../../src/store/backfill-store.js';
import { aToken } from '../support/builders.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const LANES = ['default/handler/work'] as const;

function world() {
  const fixture = setup();
  const { stores, clock, origin, records } = fixture;
  const client = new StoreClient({ stores }, { namespace: 'shop' });
  const iso = (at: number): string => new Date(at).toISOString();
  /** The range in minutes before the start of the test. */
  const start = (from: number, to: number, fields: Partial<BackfillInput> = {}) => {
    const range = { from: iso(origin - from * MINUTE), to: iso(origin - to * MINUTE) };
    return client.startBackfill('report', { id: 'b1', trigger: 'a', ...range, ...fields });
  };
  const progress = async () => client.getBackfill('report', 'b1');
  const filled = async () => (await records()).filter(({ backfill }) => backfill !== undefined);
  /** Ends everything that is queued. */
  async function work(): Promise<void> {
    const token = aToken();
    const claimed = await stores.executions.claim(0, { lanes: LANES, limit: 100, worker: 'w1', leaseMs: HOUR, token });
    const settlement = { type: 'succeeded', retentionMs: HOUR } as const;
    const items = claimed.map(({ execution: { id } }) => ({ id, token, settlement }));
    await stores.executions.settle(0, items);
  }
  return { ...fixture, client, start, progress, filled, work, clock };
}

describe('a backfill', () => {
  it('queues every time of the range once, and leaves the live fires alone', async () => {
    const { clock, lead, put, start, progress, filled, fired, origin } = world();
    await put({ a: every(MINUTE) });
    await lead();
    expect(await start(10, 5, { overlap: 'allow' })).toMatchObject({ state: 'running', count: 5, queuedCount: 0 });
    await clock.advance(1000);
    expect(await progress()).toMatchObject({ state: 'done', count: 5, queuedCount: 5, skippedCount: 0 });
    expect((await filled()).map(({ nominalAt }) => (nominalAt - origin) / MINUTE)).toEqual([-10, -9, -8, -7, -6]);
    await clock.advance(MINUTE);
    expect((await fired()).at(-1)).toBe('a@60000+0');
  });

  it('keeps to the pace of catching up', async () => {
    const { clock, lead, put, start, filled } = world();
    await put({ a: every(1000) });
    await lead();
    await start(150, 0, { overlap: 'allow' });
    const begin = clock.now();
    await clock.advance(6000);
    const all = await filled();
    expect(all).toHaveLength(9000);
    for (let second = 0; second < 4; second++) {
      const count = all.filter(({ firedAt }) => Math.floor((firedAt - begin) / 1000) === second).length;
      expect(count).toBeLessThanOrEqual(2300);
    }
    expect(all.filter(({ firedAt }) => firedAt - begin < 3500).length).toBeGreaterThan(5000);
  });

  it('waits for what is late', async () => {
    const { clock, lead, put, start, filled, records } = world();
    const misfire = { policy: 'fireOnce', graceMs: 1000, maxAgeMs: 2 * HOUR, maxCount: 1 } as const;
    const late = Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`t${i}`, { ...every(HOUR), misfire }]));
    await put({ a: every(MINUTE), ...late });
    await clock.advance(HOUR + MINUTE);
    await start(10, 0, { overlap: 'allow' });
    await lead();
    await clock.advance(4000);
    const lastLate = (await records()).filter(({ trigger }) => trigger !== 'a').map(({ firedAt }) => firedAt);
    const fills = (await filled()).map(({ firedAt }) => firedAt);
    expect([lastLate.length, fills.length]).toEqual([4000, 10]);
    expect(Math.min(...fills)).toBeGreaterThanOrEqual(Math.max(...lastLate));
  });

  it('runs one after the other unless told otherwise', async () => {
    const { clock, lead, put, start, filled, work, progress } = world();
    await put({ a: every(MINUTE) });
    await lead();
    await start(4, 0);
    for (let done = 1; done <= 4; done++) {
      await clock.advance(1000);
      expect(await filled()).toHaveLength(done);
      await work();
    }
    await clock.advance(1000);
    expect(await progress()).toMatchObject({ state: 'done', overlap: 'bufferAll', queuedCount: 4 });
  });

  it('goes on under the next leader where the last one stopped', async () => {
    const { clock, lead, put, start, filled, progress } = world();
    await put({ a: every(1000) });
    const first = await lead(1);
    await start(100, 0, { overlap: 'allow' });
    await clock.advance(1000);
    await first.loop.stop();
    const part = (await filled()).length;
    expect(part).toBeGreaterThan(0);
    expect(part).toBeLessThan(6000);
    await lead(2);
    await clock.advance(5000);
    expect(await filled()).toHaveLength(6000);
    expect(new Set((await filled()).map(({ nominalAt }) => nominalAt)).size).toBe(6000);
    expect(await progress()).toMatchObject({ state: 'done' });
  });

  it('rests as soon as somebody else may lead, also in the middle of a step', async () => {
    const { clock, stores, lead, put, start, filled } = world();
    await put({ a: every(MINUTE) });
    const { term } = await lead();
    const getJob = stores.jobs.getJob.bind(stores.jobs);
    let reads = 0;
    stores.jobs.getJob = (key) => {
      reads += 1;
      term.trusted = false;
      return getJob(key);
    };
    await start(5, 0, { overlap: 'allow' });
    reads = 0;
    term.trusted = true;
    await clock.advance(6000);
    expect(reads).toBeGreaterThan(0);
    expect(await filled()).toHaveLength(0);
    stores.jobs.getJob = getJob;
    term.trusted = true;
    await clock.advance(6000);
    expect(await filled()).toHaveLength(5);
  });

  it('keeps the record of an old one where somebody else may lead by the time it was read', async () => {
    const { clock, stores, lead, put, start, progress } = world();
    await put({ a: every(MINUTE) });
    const { loop } = await lead();
    await start(5, 0, { overlap: 'allow' });
    await clock.advance(1000);
    await loop.stop();
    await clock.advance(ENDED_BACKFILL_MS - 3000);
    const { term } = await lead(2);
    const readBackfills = stores.backfills.readBackfills.bind(stores.backfills);
    stores.backfills.readBackfills = (shard) => {
      term.trusted = false;
      return readBackfills(shard);
    };
    await clock.advance(10_000);
    expect(term.trusted).toBe(false);
    expect(await progress()).toMatchObject({ state: 'done' });
    stores.backfills.readBackfills = readBackfills;
    term.trusted = true;
    await clock.advance(6000);
    await expect(progress()).rejects.toMatchObject({ code: 'CJ_BACKFILL_NOT_FOUND' });
  });

  it('keeps to the schedule of the time when it was asked for, and to its own data', async () => {
    const { clock, lead, put, start, filled, work } = world();
    await put({ a: { ...every(MINUTE), jitterMs: 5000, data: { live: true } } });
    await lead();
    await start(3, 0, { data: { again: true } });
    await put({ a: every(HOUR) });
    for (let i = 0; i < 4; i++) {
      await clock.advance(1000);
      await work();
    }
    const all = await filled();
    expect(all.map(({ data }) => data)).toEqual([{ again: true }, { again: true }, { again: true }]);
    expect(all.every(({ dueAt, nominalAt }) => dueAt === nominalAt)).toBe(true);
  });

  it('is held by a pause of the job, and ended by its deletion', async () => {
    const { clock, stores, lead, put, start, filled, client } = world();
    await put({ a: every(MINUTE) });
    await lead();
    await stores.jobs.pauseJob(JOB, 'maintenance');
    await start(5, 0, { overlap: 'allow' });
    await clock.advance(20_000);
    expect(await filled()).toHaveLength(0);
    await stores.jobs.resumeJob(JOB);
    await clock.advance(5000);
    expect(await filled()).toHaveLength(5);
    await stores.jobs.pauseJob(JOB, 'maintenance');
    await start(5, 0, { id: 'b2', overlap: 'allow' });
    await stores.jobs.deleteJob(JOB);
    await clock.advance(6000);
    expect(await client.getBackfill('report', 'b2')).toMatchObject({ state: 'cancelled', reason: 'job-deleted' });
  });

  it('can be cancelled, and then queues nothing more', async () => {
    const { clock, lead, put, start, filled, client } = world();
    await put({ a: every(MINUTE) });
    await lead();
    await start(5, 0);
    await clock.advance(1000);
    expect(await client.cancelBackfill('report', 'b1')).toMatchObject({ state: 'cancelled', queuedCount: 1 });
    await clock.advance(1000);
    expect(await filled()).toHaveLength(1);
  });

  it('is refused where it says nothing, too much or something else than before', async () => {
    const { put, start, client, origin } = world();
    await put({ a: every(1000), b: { schedule: { type: 'after', delayMs: 1000 } }, c: once(origin + HOUR) });
    const field = async (call: Promise<unknown>) =>
      call.then(
        () => 'accepted',
        (error: { code: string; violations?: { field: string }[] }) => error.violations?.[0]?.field ?? error.code,
      );
    expect(await field(start(1, 1))).toBe('to');
    expect(await field(start(1, -1))).toBe('to');
    expect(await field(start(500, 0))).toBe('to');
    expect(await field(start(1, 0, { trigger: 'b' }))).toBe('trigger');
    expect(await field(start(1, 0, { trigger: 'c' }))).toBe('from');
    expect(await field(start(1, 0, { trigger: 'd' }))).toBe('CJ_TRIGGER_NOT_FOUND');
    expect(
      await field(client.startBackfill('nothing', { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' })),
    ).toBe('CJ_JOB_NOT_FOUND');
    expect(await field(start(2, 0))).toBe('accepted');
    expect(await field(start(2, 0))).toBe('accepted');
    expect(await field(start(3, 0))).toBe('CJ_IDEMPOTENCY_CONFLICT');
    expect(await field(client.getBackfill('report', 'b9'))).toBe('CJ_BACKFILL_NOT_FOUND');
    expect(await client.listBackfills('report')).toMatchObject([{ id: 'b1', count: 120 }]);
  });
});
