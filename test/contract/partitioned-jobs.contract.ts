import { describe, expect, it } from 'vitest';
import type { JobKey } from '../../src/domain/job.js';
import { shardOfSpreadTrigger } from '../../src/domain/placement.js';
import { shardOfJob } from '../../src/domain/shard.js';
import { scheduledExecutionId, type Execution } from '../../src/domain/execution.js';
import { triggerKeyOf, triggerName, type Trigger } from '../../src/domain/trigger.js';
import type { JobStore } from '../../src/store/job-store.js';
import type { Stores } from '../../src/store/stores.js';
import { aDecision, aFire, aJobDefinition, aTriggerWrite, EPOCH_1 } from '../support/builders.js';
import { open, type StoresFactory } from './factory.js';

const JOB: JobKey = 'shop/birthdays';
const PARTITIONED = aJobDefinition({ partitioned: true });
const NAMES = Array.from({ length: 200 }, (_, i) => `user-${i}`);

export function describePartitionedJobs(name: string, makeStores: StoresFactory): void {
  describe(`${name}: partitioned jobs`, () => {
    describePlacement(makeStores);
    describeWrites(makeStores);
    describeDeletion(makeStores);
    describeExecutions(makeStores);
  });
}

function describePlacement(makeStores: StoresFactory): void {
  it('spreads the triggers over all shards by name, except the one of the inline schedule', async () => {
    const { stores } = await withTriggers(makeStores);
    const { shardCount } = stores.jobs;
    expect(await dueByShard(stores)).toEqual(
      expectedPlaces([...NAMES, 'default'], shardCount).map((names) => names.sort()),
    );
    expect((await dueByShard(stores))[shardOfJob(JOB, shardCount)]).toContain('default');
    const sizes = (await dueByShard(stores)).map((names) => names.length);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });

  it('gets, lists, counts and deletes triggers wherever they are', async () => {
    const { stores } = await withTriggers(makeStores);
    const { jobs } = stores;
    expect(await jobs.countTriggers(JOB)).toBe(201);
    expect(await namesOf(jobs, 7)).toEqual([...NAMES, 'default'].sort());
    expect(await namesOf(jobs, 500)).toEqual([...NAMES, 'default'].sort());
    expect((await jobs.getTrigger(triggerKeyOf(JOB, 'user-7')))?.key).toBe('shop/birthdays/user-7');
    expect(await jobs.getTrigger(triggerKeyOf(JOB, 'nobody'))).toBe(null);
    expect(await jobs.deleteTrigger(triggerKeyOf(JOB, 'user-7'), 1)).toBe(true);
    expect(await jobs.deleteTrigger(triggerKeyOf(JOB, 'user-7'))).toBe(false);
    await expect(jobs.deleteTrigger(triggerKeyOf(JOB, 'user-8'), 5)).rejects.toMatchObject({
      code: 'CJ_VERSION_CONFLICT',
    });
    expect(await jobs.countTriggers(JOB)).toBe(200);
    expect(await jobs.getTrigger(triggerKeyOf(JOB, 'user-7'))).toBe(null);
  });

  it('is one job in every listing', async () => {
    const { stores } = await withTriggers(makeStores);
    await stores.jobs.putJob({ key: 'shop/plain', definition: aJobDefinition() });
    const { items } = await stores.jobs.listJobs({ namespace: 'shop', limit: 100 });
    expect(items.map(({ name, partitioned }) => [name, partitioned])).toEqual([
      ['birthdays', true],
      ['plain', undefined],
    ]);
  });
}

function describeWrites(makeStores: StoresFactory): void {
  it('stays partitioned or not for its life, and says which field stands against it', async () => {
    const { stores } = await open(makeStores);
    for (const [key, first, second] of [
      ['shop/a', PARTITIONED, aJobDefinition()],
      ['shop/b', aJobDefinition(), PARTITIONED],
    ] as const) {
      await stores.jobs.putJob({ key, definition: first });
      await expect(stores.jobs.putJob({ key, definition: second })).rejects.toMatchObject({
        code: 'CJ_VALIDATION_FAILED',
        violations: [{ field: 'partitioned' }],
      });
      expect((await stores.jobs.getJob(key))?.version).toBe(1);
      await stores.jobs.deleteJob(key);
      await stores.jobs.putJob({ key, definition: second });
      expect((await stores.jobs.getJob(key))?.partitioned).toBe(second.partitioned);
    }
  });

  it('reports what became of each trigger, and nothing twice', async () => {
    const { stores, write } = await withTriggers(makeStores);
    const again = [write('user-1'), write('new'), { ...write('user-2'), definition: write('user-2', 7).definition }];
    expect(await stores.jobs.putTriggers(JOB, again)).toEqual(['unchanged', 'created', 'changed']);
    await expect(stores.jobs.putTriggers('shop/nobody', again)).rejects.toMatchObject({ code: 'CJ_JOB_NOT_FOUND' });
    expect(await stores.jobs.putTriggers(JOB, [write('user-1', 8)], { expectedVersion: 1 })).toEqual(['changed']);
    await expect(stores.jobs.putTriggers(JOB, [write('user-1', 9)], { expectedVersion: 1 })).rejects.toMatchObject({
      code: 'CJ_VERSION_CONFLICT',
    });
  });

  it('shows every change of the job to the leaders of all shards when it is acknowledged', async () => {
    const { stores } = await withTriggers(makeStores);
    const { jobs } = stores;
    const seen = async (): Promise<unknown[]> =>
      Promise.all(
        Array.from({ length: jobs.shardCount }, async (_, shard) =>
          (await stores.executions.readDue(shard, Number.MAX_SAFE_INTEGER, 1)).jobs.get(JOB),
        ),
      );
    const same = async (): Promise<void> => {
      const job = await jobs.getJob(JOB);
      expect(await seen()).toEqual(Array.from({ length: jobs.shardCount }, () => job));
    };
    await same();
    await jobs.pauseJob(JOB, 'maintenance');
    expect((await jobs.getJob(JOB))?.pause?.reason).toBe('maintenance');
    await same();
    await jobs.resumeJob(JOB);
    await same();
    await jobs.putJob({ key: JOB, definition: { ...PARTITIONED, data: { changed: true } } });
    expect((await jobs.getJob(JOB))?.data).toEqual({ changed: true });
    await same();
    for (let shard = 0; shard < jobs.shardCount; shard++) expect(await jobs.refreshCopies(shard)).toBe(0);
  });
}

function describeDeletion(makeStores: StoresFactory): void {
  it('goes from all shards at once, and a job of the same name starts with no trigger', async () => {
    const { stores, write } = await withTriggers(makeStores);
    const { jobs } = stores;
    expect(await jobs.deleteJob(JOB)).toBe(true);
    expect(await jobs.deleteJob(JOB)).toBe(false);
    expect((await dueByShard(stores)).flat()).toEqual([]);
    await expect(
      jobs.putTriggers(
        JOB,
        NAMES.map((name) => write(name)),
      ),
    ).rejects.toMatchObject({
      code: 'CJ_JOB_NOT_FOUND',
    });
    for (const definition of [PARTITIONED, aJobDefinition(), PARTITIONED]) {
      await jobs.putJob({ key: JOB, definition });
      expect(await jobs.countTriggers(JOB)).toBe(0);
      expect(
        new Set(
          await jobs.putTriggers(
            JOB,
            NAMES.map((name) => write(name)),
          ),
        ),
      ).toEqual(new Set(['created']));
      expect(await jobs.countTriggers(JOB)).toBe(200);
      for (let shard = 0; shard < jobs.shardCount; shard++) expect(await jobs.refreshCopies(shard)).toBe(0);
      await jobs.deleteJob(JOB);
    }
    for (let shard = 0; shard < jobs.shardCount; shard++) {
      expect((await stores.executions.countShard(shard)).triggers).toBe(0);
    }
  });
}

function describeExecutions(makeStores: StoresFactory): void {
  it('lists the executions of all shards, newest first, also after the job is gone', async () => {
    const { stores } = await withTriggers(makeStores);
    const fired = await fireAll(stores);
    const newest = [...fired].sort((a, b) => b.nominalAt - a.nominalAt).map(({ nominalAt }) => nominalAt);
    expect(new Set(fired.map(({ id }) => id.split('-')[0])).size).toBe(stores.jobs.shardCount);
    expect((await listed(stores, 13)).map(({ nominalAt }) => nominalAt)).toEqual(newest);
    expect(new Set((await listed(stores, 13)).map(({ id }) => id)).size).toBe(201);
    await stores.jobs.deleteJob(JOB);
    expect((await listed(stores, 50)).map(({ nominalAt }) => nominalAt)).toEqual(newest);
  });
}

async function withTriggers(makeStores: StoresFactory) {
  const { stores, ...rest } = await open(makeStores);
  const now = await stores.executions.serverTime();
  // Several of one instant, so that shards have to be told apart in a listing.
  const write = (name: string, shiftMs = 0) => {
    const dueAt = now - 5000 + (name.length % 3) + Number(/\d+$/.exec(name)?.[0] ?? 0);
    return aTriggerWrite(name, {
      watermark: now - 10_000,
      dueAt,
      schedule: { type: 'every', everyMs: 60_000 + shiftMs },
    });
  };
  await stores.jobs.putJob({ key: JOB, definition: PARTITIONED, triggers: [write('default')] });
  await stores.jobs.putTriggers(
    JOB,
    NAMES.map((name) => write(name)),
  );
  return { stores, write, ...rest };
}

async function dueByShard(stores: Stores): Promise<string[][]> {
  const batches = await Promise.all(
    Array.from({ length: stores.jobs.shardCount }, (_, shard) =>
      stores.executions.readDue(shard, Number.MAX_SAFE_INTEGER, 1000),
    ),
  );
  return batches.map(({ triggers }) => triggers.map(({ key }) => triggerName(key)).sort());
}

function expectedPlaces(names: readonly string[], shardCount: number): string[][] {
  return Array.from({ length: shardCount }, (_, shard) =>
    names.filter((name) => shardOfSpreadTrigger(triggerKeyOf(JOB, name), shardCount) === shard),
  );
}

async function namesOf(jobs: JobStore, limit: number): Promise<string[]> {
  const triggers: Trigger[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await jobs.listTriggers(JOB, { limit, cursor });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    triggers.push(...page.items);
    if (page.nextCursor === undefined) break;
    cursor = page.nextCursor;
  }
  return triggers.map(({ key }) => triggerName(key)).sort();
}

async function fireAll(stores: Stores): Promise<{ id: string; nominalAt: number }[]> {
  const fired: { id: string; nominalAt: number }[] = [];
  for (let shard = 0; shard < stores.jobs.shardCount; shard++) {
    const { triggers } = await stores.executions.readDue(shard, Number.MAX_SAFE_INTEGER, 1000);
    const decisions = triggers.map((trigger) => {
      const [key, nominalAt] = [trigger.key, trigger.dueAt ?? 0];
      const fire = {
        ...aFire(stores, { job: JOB, trigger: triggerName(key), nominalAt }),
        id: scheduledExecutionId(shard, key, nominalAt),
      };
      fired.push({ id: fire.id, nominalAt });
      return aDecision(trigger, { fires: [fire] });
    });
    const results = await stores.executions.fire(shard, EPOCH_1, decisions);
    expect(results.every((result) => result.outcome === 'fired')).toBe(true);
  }
  return fired;
}

async function listed(stores: Stores, limit: number): Promise<Execution[]> {
  const found: Execution[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await stores.executions.listExecutions({ namespace: 'shop', job: 'birthdays', limit, cursor });
    found.push(...page.items);
    if (page.nextCursor === undefined) return found;
    cursor = page.nextCursor;
  }
}
