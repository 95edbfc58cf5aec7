import { describe, expect, it } from 'vitest';
import type { JobKey } from '../../src/domain/job.js';
import { shardOfJob } from '../../src/domain/shard.js';
import { triggerKeyOf, triggerName, type TriggerKey } from '../../src/domain/trigger.js';
import type { JobFilter, JobStore } from '../../src/store/job-store.js';
import {
  aDecision,
  aFire,
  aJobDefinition,
  aJobKey,
  aTriggerWrite,
  EPOCH_1,
  storedTrigger,
} from '../support/builders.js';
import { eventually } from '../support/wait.js';
import { open, type StoresFactory } from './factory.js';

const NOON = Date.parse('2030-01-01T12:00:00Z');

export function describeJobStore(name: string, makeStores: StoresFactory): void {
  describe(`${name}: JobStore`, () => {
    describePutJob(makeStores);
    describePutTriggers(makeStores);
    describeLookups(makeStores);
    describeListings(makeStores);
    describePause(makeStores);
    describeDeletion(makeStores);
    describeShardHints(makeStores);
  });
}

function describePutJob(makeStores: StoresFactory): void {
  describe('putJob', () => {
    it('stores a new job with version 1 and the instant of its creation', async () => {
      const { stores } = await open(makeStores);
      const before = await stores.executions.serverTime();
      const definition = aJobDefinition({ data: { nested: [1, 'two', null] }, labels: { team: 'billing' } });
      const { outcome, job } = await stores.jobs.putJob({ key: 'shop/nightly', definition });
      const after = await stores.executions.serverTime();
      expect(outcome).toBe('created');
      expect(job).toEqual({
        ...definition,
        namespace: 'shop',
        name: 'nightly',
        version: 1,
        createdAt: job.updatedAt,
        updatedAt: job.updatedAt,
      });
      expect(job.createdAt).toBeGreaterThanOrEqual(before);
      expect(job.createdAt).toBeLessThanOrEqual(after);
      expect(await stores.jobs.getJob('shop/nightly')).toEqual(job);
    });

    it('leaves an equal job as it is, however often it is declared', async () => {
      const { stores, advance } = await open(makeStores);
      const put = {
        key: 'shop/nightly' as const,
        definition: aJobDefinition(),
        triggers: [aTriggerWrite('default', { watermark: NOON, dueAt: NOON + 1000 })],
      };
      const first = await stores.jobs.putJob(put);
      await advance(5);
      const again = { ...put, triggers: [aTriggerWrite('default', { watermark: NOON + 500, dueAt: NOON + 9000 })] };
      expect(await stores.jobs.putJob(again)).toEqual({ outcome: 'unchanged', job: first.job });
      expect(await stores.jobs.getTrigger('shop/nightly/default')).toMatchObject({
        dueAt: NOON + 1000,
        state: { version: 1, watermark: NOON },
      });
    });

    it('replaces a changed definition and raises the version', async () => {
      const { stores, advance } = await open(makeStores);
      const { job } = await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition({ data: 1 }) });
      await advance(5);
      const changed = await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition({ priority: 5 }) });
      expect(changed.outcome).toBe('changed');
      expect(changed.job).toEqual({
        ...aJobDefinition({ priority: 5 }),
        namespace: 'shop',
        name: 'nightly',
        version: 2,
        createdAt: job.createdAt,
        updatedAt: changed.job.updatedAt,
      });
      expect(changed.job.updatedAt).toBeGreaterThan(job.updatedAt);
    });

    it('counts a changed, added or removed trigger as a change of the job', async () => {
      const { stores } = await open(makeStores);
      const put = { key: 'shop/nightly' as const, definition: aJobDefinition() };
      await stores.jobs.putJob({ ...put, triggers: [aTriggerWrite('a', { watermark: NOON, dueAt: NOON + 1 })] });
      const changedTrigger = aTriggerWrite('a', { watermark: NOON, dueAt: NOON + 2, jitterMs: 10 });
      const added = aTriggerWrite('b', { watermark: NOON, dueAt: NOON + 2 });
      const outcomes = [
        await stores.jobs.putJob({ ...put, triggers: [changedTrigger] }),
        await stores.jobs.putJob({ ...put, triggers: [added] }),
        await stores.jobs.putJob({ ...put, removeTriggers: ['a', 'never-there'] }),
        await stores.jobs.putJob({ ...put, removeTriggers: ['a', 'never-there'] }),
      ];
      expect(outcomes.map(({ outcome, job }) => [outcome, job.version])).toEqual([
        ['changed', 2],
        ['changed', 3],
        ['changed', 4],
        ['unchanged', 4],
      ]);
      expect(await names(stores.jobs, 'shop/nightly')).toEqual(['b']);
    });

    it('leaves the other triggers of the job in place', async () => {
      const { stores } = await open(makeStores);
      const definition = aJobDefinition();
      const write = (name: string) => [aTriggerWrite(name, { watermark: NOON, dueAt: NOON + 1 })];
      await stores.jobs.putJob({ key: 'shop/nightly', definition, triggers: write('a') });
      await stores.jobs.putJob({ key: 'shop/nightly', definition, triggers: write('b') });
      expect(await names(stores.jobs, 'shop/nightly')).toEqual(['a', 'b']);
    });

    it('writes only over the version that is expected', async () => {
      const { stores } = await open(makeStores);
      const put = (expectedVersion: number | null, priority: number) =>
        stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition({ priority }), expectedVersion });
      await expect(put(1, 1)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await stores.jobs.getJob('shop/nightly')).toBeNull();
      expect(await put(null, 1)).toMatchObject({ outcome: 'created' });
      await expect(put(null, 2)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      await expect(put(2, 2)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await put(1, 2)).toMatchObject({ outcome: 'changed', job: { version: 2, priority: 2 } });
    });

    it('answers a write over an expected version as the first time when it is sent again', async () => {
      const { stores } = await open(makeStores);
      const put = (priority: number, expectedVersion: number | null) =>
        stores.jobs.putJob({
          key: 'shop/nightly',
          definition: aJobDefinition({ priority }),
          triggers: [aTriggerWrite('a', { watermark: NOON, dueAt: NOON + 1, data: { priority } })],
          removeTriggers: ['b'],
          expectedVersion,
        });
      await put(1, null);
      await expect(put(1, null), 'a new one').rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      const changed = await put(2, 1);
      expect(changed).toMatchObject({ outcome: 'changed', job: { version: 2 } });
      expect(await put(2, 1)).toEqual(changed);

      await expect(put(1, 1), 'another content').rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      await stores.jobs.putTriggers('shop/nightly', [aTriggerWrite('b', { watermark: NOON, dueAt: NOON + 1 })]);
      await expect(put(2, 1), 'a trigger that was to go').rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await put(2, 2)).toMatchObject({ outcome: 'changed', job: { version: 3 } });
      await expect(put(2, 1), 'two versions on').rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
    });

    it('writes neither job nor triggers when the version differs', async () => {
      const { stores } = await open(makeStores);
      const definition = aJobDefinition();
      const triggers = [aTriggerWrite('a', { watermark: NOON, dueAt: NOON + 1 })];
      const { job } = await stores.jobs.putJob({ key: 'shop/nightly', definition });
      const late = stores.jobs.putJob({ key: 'shop/nightly', definition, triggers, expectedVersion: 7 });
      await expect(late).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await stores.jobs.getJob('shop/nightly')).toEqual(job);
      expect(await stores.jobs.countTriggers('shop/nightly')).toBe(0);
    });
  });
}

function describePutTriggers(makeStores: StoresFactory): void {
  describe('putTriggers', () => {
    it('answers for each trigger whether it was created, changed or unchanged', async () => {
      const { stores } = await open(makeStores);
      await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      const at = { watermark: NOON, dueAt: NOON + 1000 };
      await stores.jobs.putTriggers('shop/nightly', [aTriggerWrite('a', at), aTriggerWrite('b', at)]);
      const writes = [
        aTriggerWrite('a', at),
        aTriggerWrite('b', { ...at, data: { users: ['ada'] } }),
        aTriggerWrite('c', at),
      ];
      expect(await stores.jobs.putTriggers('shop/nightly', writes)).toEqual(['unchanged', 'changed', 'created']);
      expect(await stores.jobs.getTrigger('shop/nightly/b')).toEqual({
        key: 'shop/nightly/b',
        definition: { schedule: { type: 'every', everyMs: 60_000 }, timeZone: 'UTC', data: { users: ['ada'] } },
        state: { version: 2, watermark: NOON, fireCount: 0 },
        dueAt: NOON + 1000,
      });
      expect(await stores.jobs.getJob('shop/nightly')).toMatchObject({ version: 1 });
    });

    it('keeps every field of a definition', async () => {
      const { stores } = await open(makeStores);
      await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      const write = aTriggerWrite('all', {
        watermark: NOON,
        dueAt: NOON + 1000,
        schedule: { type: 'rrule', rrule: 'FREQ=DAILY', dtstart: '2030-01-01T09:00:00', offsetDays: -1, offsetMs: 5 },
        timeZone: 'America/New_York',
        startAt: NOON,
        endAt: NOON + 86_400_000,
        maxFires: 3,
        jitterMs: 250,
        dstGap: 'shift',
        dstOverlap: 'first',
        misfire: { policy: 'skip', graceMs: 5000, maxAgeMs: 86_400_000, maxCount: 7 },
        overlap: 'allow',
        data: { text: 'grüße 日本 🎉 "quoted"', empty: [], none: null, half: 0.5 },
      });
      await stores.jobs.putTriggers('shop/nightly', [write]);
      const stored = await stores.jobs.getTrigger('shop/nightly/all');
      expect(stored?.definition).toEqual(write.definition);
    });

    it('moves a changed trigger to the larger watermark, and keeps what it has fired', async () => {
      const { stores } = await open(makeStores);
      const { job, shard, trigger, dueAt } = await storedTrigger(stores);
      const fire = aFire(stores, { job, nominalAt: dueAt });
      await stores.executions.fire(shard, EPOCH_1, [aDecision(trigger, { fires: [fire] })]);
      const at = { jitterMs: 5, dueAt: NOON };
      await stores.jobs.putTriggers(job, [aTriggerWrite('default', { ...at, watermark: dueAt - 100 })]);
      const state = { fireCount: 1, lastExecutionId: fire.id };
      expect(await stores.jobs.getTrigger(trigger.key)).toMatchObject({
        dueAt: NOON,
        state: { ...state, version: 2, watermark: dueAt },
      });
      await stores.jobs.putTriggers(job, [aTriggerWrite('default', { ...at, jitterMs: 6, watermark: dueAt + 100 })]);
      expect((await stores.jobs.getTrigger(trigger.key))?.state).toEqual({
        ...state,
        version: 3,
        watermark: dueAt + 100,
      });
    });

    it('gives a paused trigger no due instant', async () => {
      const { stores } = await open(makeStores);
      const { job, shard, trigger } = await storedTrigger(stores);
      await stores.jobs.putTriggers(job, [aTriggerWrite('default', { watermark: NOON, dueAt: null, paused: true })]);
      expect((await stores.jobs.getTrigger(trigger.key))?.dueAt).toBeUndefined();
      expect((await stores.executions.readDue(shard, NOON * 2, 10)).triggers).toEqual([]);
    });

    it('refuses triggers of a job that does not exist', async () => {
      const { stores } = await open(makeStores);
      const late = stores.jobs.putTriggers('shop/gone', [aTriggerWrite('a', { watermark: NOON, dueAt: NOON })]);
      await expect(late).rejects.toMatchObject({ code: 'CJ_JOB_NOT_FOUND' });
      expect(await stores.jobs.getTrigger('shop/gone/a')).toBeNull();
    });

    it('writes only over the version that is expected', async () => {
      const { stores } = await open(makeStores);
      await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      const put = (expected: number | null, jitterMs: number) =>
        stores.jobs.putTriggers('shop/nightly', [aTriggerWrite('a', { watermark: NOON, dueAt: NOON, jitterMs })], {
          expectedVersion: expected,
        });
      await expect(put(1, 1)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await put(null, 1)).toEqual(['created']);
      await expect(put(null, 2)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await put(1, 2)).toEqual(['changed']);
      await expect(put(1, 3)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect((await stores.jobs.getTrigger('shop/nightly/a'))?.definition.jitterMs).toBe(2);
    });

    it('answers a write over an expected version as the first time when it is sent again', async () => {
      const { stores } = await open(makeStores);
      await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      const put = (data: string, expectedVersion: number | null) => {
        const at = { watermark: NOON, dueAt: NOON + 1000 };
        const writes = [aTriggerWrite('same', at), aTriggerWrite('other', { ...at, data })];
        return stores.jobs.putTriggers('shop/nightly', writes, { expectedVersion });
      };
      expect(await put('x', null)).toEqual(['created', 'created']);
      await expect(put('x', null), 'new ones').rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await put('y', 1)).toEqual(['unchanged', 'changed']);
      const trigger = await stores.jobs.getTrigger('shop/nightly/other');
      expect(await put('y', 1)).toEqual(['unchanged', 'changed']);
      expect(await stores.jobs.getTrigger('shop/nightly/other')).toEqual(trigger);
      await expect(put('x', 1)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
    });

    it('replaces no trigger that is due, and writes nothing then, if that is the condition', async () => {
      const { stores } = await open(makeStores);
      const { jobs, executions } = stores;
      const job: JobKey = 'shop/nightly';
      const now = await executions.serverTime();
      const due = { watermark: now - 2000, dueAt: now - 1000 };
      const later = { watermark: now, dueAt: now + 3_600_000 };
      await jobs.putJob({ key: job, definition: aJobDefinition() });
      await jobs.putTriggers(job, [aTriggerWrite('due', due), aTriggerWrite('later', later)]);
      const put = (jitterMs: number, ifDecided: boolean) => {
        const writes = ['later', 'due'].map((name) => aTriggerWrite(name, { ...later, jitterMs }));
        return jobs.putTriggers(job, writes, { ifDecided });
      };
      const refusal = { code: 'CJ_DUE_CONFLICT', details: { triggers: ['shop/nightly/due'] } };
      await expect(put(1, true)).rejects.toMatchObject(refusal);
      expect((await jobs.getTrigger('shop/nightly/later'))?.definition.jitterMs).toBeUndefined();
      const changed = { key: job, definition: aJobDefinition({ priority: 7 }), ifDecided: true };
      const triggers = [aTriggerWrite('due', { ...later, jitterMs: 1 })];
      await expect(jobs.putJob({ ...changed, triggers })).rejects.toMatchObject(refusal);
      expect((await jobs.getJob(job))?.version).toBe(1);
      // Equal ones are not replaced.
      expect(await jobs.putTriggers(job, [aTriggerWrite('due', due)], { ifDecided: true })).toEqual(['unchanged']);
      expect(await put(1, false)).toEqual(['changed', 'changed']);
      expect(await put(2, true)).toEqual(['changed', 'changed']);
    });

    it('takes a thousand triggers in one call', async () => {
      const { stores } = await open(makeStores);
      await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      const writes = Array.from({ length: 1000 }, (_, i) =>
        aTriggerWrite(`t${i}`, { watermark: NOON, dueAt: NOON + i, data: { i } }),
      );
      const outcomes = await stores.jobs.putTriggers('shop/nightly', writes);
      expect(outcomes).toEqual(writes.map(() => 'created'));
      expect(await stores.jobs.countTriggers('shop/nightly')).toBe(1000);
    });
  });
}

function describeLookups(makeStores: StoresFactory): void {
  describe('lookups', () => {
    it('finds nothing where nothing is', async () => {
      const { stores } = await open(makeStores);
      expect(await stores.jobs.getJob('shop/nothing')).toBeNull();
      expect(await stores.jobs.getTrigger('shop/nothing/default')).toBeNull();
      expect(await stores.jobs.countTriggers('shop/nothing')).toBe(0);
      expect(await stores.jobs.listTriggers('shop/nothing', { limit: 10 })).toEqual({ items: [] });
      expect(await stores.jobs.listJobs({ namespace: 'shop', limit: 10 })).toEqual({ items: [] });
    });

    it('keeps jobs with a common prefix apart', async () => {
      const { stores } = await open(makeStores);
      for (const key of ['shop/a', 'shop/a.b', 'shop/ab', 'shop2/a'] as JobKey[]) {
        await stores.jobs.putJob({
          key,
          definition: aJobDefinition({ labels: { key: key.replace('/', '-') } }),
          triggers: [aTriggerWrite(key.replace('/', '-'), { watermark: NOON, dueAt: NOON })],
        });
      }
      expect((await stores.jobs.getJob('shop/a'))?.labels).toEqual({ key: 'shop-a' });
      expect(await names(stores.jobs, 'shop/a')).toEqual(['shop-a']);
      expect(await stores.jobs.deleteJob('shop/a')).toBe(true);
      expect(await names(stores.jobs, 'shop/a.b')).toEqual(['shop-a.b']);
      expect(await names(stores.jobs, 'shop2/a')).toEqual(['shop2-a']);
    });
  });
}

function describeListings(makeStores: StoresFactory): void {
  async function withJobs() {
    const opened = await open(makeStores);
    const { jobs } = opened.stores;
    const labels = { a: { team: 'billing' }, b: { team: 'mail', tier: '1' }, c: { team: 'billing' }, d: {} };
    for (const [name, value] of Object.entries(labels)) {
      await jobs.putJob({ key: `shop/job-${name}`, definition: aJobDefinition({ labels: value }) });
    }
    await jobs.putJob({ key: 'other/job-x', definition: aJobDefinition() });
    await jobs.pauseJob('shop/job-c', 'maintenance');
    const found = async (filter: Partial<JobFilter>) =>
      (await jobs.listJobs({ namespace: 'shop', limit: 10, ...filter })).items.map((job) => job.name);
    return { jobs, found };
  }

  describe('listings', () => {
    it('lists the jobs of a namespace by name', async () => {
      const { jobs, found } = await withJobs();
      expect(await found({})).toEqual(['job-a', 'job-b', 'job-c', 'job-d']);
      expect(await found({ namespace: 'other' })).toEqual(['job-x']);
      const { items } = await jobs.listJobs({ namespace: 'shop', limit: 1 });
      expect(items[0]).toEqual(await jobs.getJob('shop/job-a'));
    });

    it('filters jobs by label, pause and part of the name', async () => {
      const { found } = await withJobs();
      expect(await found({ label: 'team=billing' })).toEqual(['job-a', 'job-c']);
      expect(await found({ label: 'tier' })).toEqual(['job-b']);
      expect(await found({ paused: true })).toEqual(['job-c']);
      expect(await found({ paused: false })).toEqual(['job-a', 'job-b', 'job-d']);
      expect(await found({ search: 'b-b' })).toEqual(['job-b']);
      expect(await found({ label: 'team=billing', paused: false })).toEqual(['job-a']);
      expect(await found({ search: 'nowhere' })).toEqual([]);
    });

    it('pages through jobs without loss or repetition, with a filter too', async () => {
      const { jobs } = await withJobs();
      const pageThrough = async (filter: Partial<JobFilter>) => {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await jobs.listJobs({ namespace: 'shop', limit: 1, cursor, ...filter });
          expect(page.items.length).toBeLessThanOrEqual(1);
          seen.push(...page.items.map((job) => job.name));
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        return seen;
      };
      expect(await pageThrough({})).toEqual(['job-a', 'job-b', 'job-c', 'job-d']);
      expect(await pageThrough({ label: 'team=billing' })).toEqual(['job-a', 'job-c']);
    });

    it('lists every trigger of a job exactly once, page by page', async () => {
      const { stores } = await open(makeStores);
      await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      await stores.jobs.putJob({
        key: 'shop/other',
        definition: aJobDefinition(),
        triggers: [aTriggerWrite('other', { watermark: NOON, dueAt: NOON })],
      });
      const writes = Array.from({ length: 250 }, (_, i) =>
        aTriggerWrite(`t${i}`, { watermark: NOON, dueAt: NOON + i }),
      );
      await stores.jobs.putTriggers('shop/nightly', writes);
      expect(await names(stores.jobs, 'shop/nightly', 40)).toEqual(writes.map((write) => write.name).sort());
    });
  });
}

function describePause(makeStores: StoresFactory): void {
  describe('pauseJob and resumeJob', () => {
    it('pauses once, whoever repeats it', async () => {
      const { stores, advance } = await open(makeStores);
      const { job } = await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      const paused = await stores.jobs.pauseJob('shop/nightly', 'maintenance');
      expect(paused).toEqual({
        ...job,
        version: 2,
        updatedAt: paused.updatedAt,
        pause: { since: paused.updatedAt, reason: 'maintenance' },
      });
      await advance(5);
      expect(await stores.jobs.pauseJob('shop/nightly', 'another reason')).toEqual(paused);
      expect(await stores.jobs.getJob('shop/nightly')).toEqual(paused);
    });

    it('resumes once, and remembers when', async () => {
      const { stores, advance } = await open(makeStores);
      await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      await stores.jobs.pauseJob('shop/nightly', 'maintenance');
      await advance(5);
      const resumed = await stores.jobs.resumeJob('shop/nightly');
      expect(resumed.pause).toBeUndefined();
      expect(resumed).toMatchObject({ version: 3, resumedAt: resumed.updatedAt });
      await advance(5);
      expect(await stores.jobs.resumeJob('shop/nightly')).toEqual(resumed);
    });

    it('resumes nothing that was not paused', async () => {
      const { stores } = await open(makeStores);
      const { job } = await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      expect(await stores.jobs.resumeJob('shop/nightly')).toEqual(job);
    });

    it('stays paused, and remembers the last pause, when the definition changes', async () => {
      const { stores } = await open(makeStores);
      await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      await stores.jobs.pauseJob('shop/nightly', 'first');
      const { resumedAt } = await stores.jobs.resumeJob('shop/nightly');
      const { pause } = await stores.jobs.pauseJob('shop/nightly', 'second');
      const { job } = await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition({ priority: 1 }) });
      expect(job).toMatchObject({ pause, resumedAt, version: 5 });
    });

    it('knows no job that does not exist', async () => {
      const { stores } = await open(makeStores);
      await expect(stores.jobs.pauseJob('shop/gone', 'x')).rejects.toMatchObject({ code: 'CJ_JOB_NOT_FOUND' });
      await expect(stores.jobs.resumeJob('shop/gone')).rejects.toMatchObject({ code: 'CJ_JOB_NOT_FOUND' });
    });
  });
}

function describeDeletion(makeStores: StoresFactory): void {
  describe('deleteJob and deleteTrigger', () => {
    it('deletes a job with its triggers, and keeps the executions', async () => {
      const { stores } = await open(makeStores);
      const { job, shard, trigger, dueAt } = await storedTrigger(stores);
      const fire = aFire(stores, { job, nominalAt: dueAt });
      await stores.executions.fire(shard, EPOCH_1, [aDecision(trigger, { fires: [fire] })]);
      expect(await stores.jobs.deleteJob(job)).toBe(true);
      expect(await stores.jobs.deleteJob(job)).toBe(false);
      expect(await stores.jobs.getJob(job)).toBeNull();
      expect(await stores.jobs.getTrigger(trigger.key)).toBeNull();
      expect(await stores.jobs.countTriggers(job)).toBe(0);
      expect(await stores.executions.getExecution(fire.id)).toMatchObject({ state: 'queued' });
      expect(await stores.jobs.listJobs({ namespace: 'shop', limit: 10 })).toEqual({ items: [] });
    });

    it('starts anew when a deleted job is stored again', async () => {
      const { stores } = await open(makeStores);
      const key = aJobKey();
      await storedTrigger(stores, { job: key });
      await stores.jobs.deleteJob(key);
      const { outcome, job } = await stores.jobs.putJob({ key, definition: aJobDefinition() });
      expect([outcome, job.version, await stores.jobs.countTriggers(key)]).toEqual(['created', 1, 0]);
    });

    it('deletes a job only over the version that is expected', async () => {
      const { stores } = await open(makeStores);
      await stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition() });
      await expect(stores.jobs.deleteJob('shop/nightly', 2)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await stores.jobs.deleteJob('shop/nightly', 1)).toBe(true);
      expect(await stores.jobs.deleteJob('shop/nightly', 1)).toBe(false);
    });

    it('deletes one trigger and leaves the others', async () => {
      const { stores } = await open(makeStores);
      const { job, shard, dueAt } = await storedTrigger(stores, { name: 'a' });
      await stores.jobs.putTriggers(job, [aTriggerWrite('b', { watermark: dueAt, dueAt })]);
      expect(await stores.jobs.deleteTrigger(triggerKeyOf(job, 'a'))).toBe(true);
      expect(await stores.jobs.deleteTrigger(triggerKeyOf(job, 'a'))).toBe(false);
      expect(await names(stores.jobs, job)).toEqual(['b']);
      const { triggers } = await stores.executions.readDue(shard, dueAt, 10);
      expect(triggers.map((trigger) => trigger.key)).toEqual([`${job}/b`] satisfies TriggerKey[]);
    });

    it('deletes a trigger only over the version that is expected', async () => {
      const { stores } = await open(makeStores);
      const { trigger } = await storedTrigger(stores);
      await expect(stores.jobs.deleteTrigger(trigger.key, 2)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await stores.jobs.deleteTrigger(trigger.key, 1)).toBe(true);
    });
  });
}

function describeShardHints(makeStores: StoresFactory): void {
  describe('onShardChanged', () => {
    it('wakes the leader of the shard when a trigger was stored, until it unsubscribes', async () => {
      const { stores } = await open(makeStores);
      const job = aJobKey();
      let count = 0;
      const unsubscribe = await stores.executions.onShardChanged(
        shardOfJob(job, stores.executions.shardCount),
        () => void count++,
      );
      await storedTrigger(stores, { job });
      await eventually('a hint for a new job with a trigger', () => count > 0);
      const before = count;
      await stores.jobs.putTriggers(job, [aTriggerWrite('later', { watermark: NOON, dueAt: NOON })]);
      await eventually('a hint for a trigger that is due after the first one', () => count > before);
      await unsubscribe();
      const last = count;
      await stores.jobs.putTriggers(job, [aTriggerWrite('unheard', { watermark: NOON, dueAt: NOON })]);
      expect(await stores.jobs.countTriggers(job)).toBe(3);
      expect(count).toBe(last);
    });
  });
}

/** Names of all triggers of a job, sorted, read in pages. */
async function names(jobs: JobStore, job: JobKey, limit = 100): Promise<string[]> {
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await jobs.listTriggers(job, { limit, cursor });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    seen.push(...page.items.map((trigger) => triggerName(trigger.key)));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return seen.sort();
}
