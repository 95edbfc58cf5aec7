import { describe, expect, it } from 'vitest';
import { epochOf } from '../../src/domain/shard.js';
import type { Trigger } from '../../src/domain/trigger.js';
import { FINISHED_TRIGGER_MS } from '../../src/store/execution-store.js';
import type { DueChange, PlanningStore } from '../../src/store/planning-store.js';
import { aJobDefinition, aJobKey, aTriggerWrite, EPOCH_1, storedTrigger } from '../support/builders.js';
import { open, type StoresFactory } from './factory.js';

const NOON = Date.parse('2030-01-01T12:00:00Z');

function change(trigger: Trigger, dueAt: number | null): DueChange {
  const { version, watermark } = trigger.state;
  return { trigger: trigger.key, expected: { version, watermark, dueAt: trigger.dueAt ?? null }, dueAt };
}

async function scanAll(planning: PlanningStore, shard: number, withCalendars = false): Promise<Trigger[]> {
  const found = new Map<string, Trigger>();
  for (let cursor: string | null = null; ;) {
    const page = await planning.scanTriggers(shard, { cursor, withCalendars });
    for (const trigger of page.triggers) found.set(trigger.key, trigger);
    if (page.nextCursor === null) return [...found.values()];
    cursor = page.nextCursor;
  }
}

export function describePlanningStore(name: string, makeStores: StoresFactory): void {
  describe(`${name}: PlanningStore`, () => {
    it('remembers with what a shard was planned, and keeps it under later leaders', async () => {
      const { planning, executions } = (await open(makeStores)).stores;
      expect(await planning.readPlanning(1)).toBeNull();
      await planning.recordPlanning(1, EPOCH_1, { tz: '2026a', calendars: 7 });
      await executions.sealFence(1, epochOf(2), 'next');
      expect(await planning.readPlanning(1)).toEqual({ tz: '2026a', calendars: 7 });
      expect(await planning.readPlanning(2)).toBeNull();
    });

    it('refuses a leader of the past before anything is written', async () => {
      const { stores } = await open(makeStores);
      const { shard, trigger } = await storedTrigger(stores);
      await stores.executions.sealFence(shard, epochOf(3), 'new');
      const { planning } = stores;
      await expect(planning.recordPlanning(shard, epochOf(2), { tz: 'x', calendars: 1 })).rejects.toMatchObject({
        code: 'CJ_EPOCH_STALE',
      });
      await expect(planning.moveDue(shard, epochOf(2), [change(trigger, NOON)])).rejects.toMatchObject({
        code: 'CJ_EPOCH_STALE',
      });
      expect(await planning.readPlanning(shard)).toBeNull();
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual(trigger);
    });

    it('scans every trigger of the shard, with its due instant, over several pages', async () => {
      const { stores } = await open(makeStores);
      const { job, shard } = await storedTrigger(stores);
      const writes = Array.from({ length: 2500 }, (_, i) =>
        aTriggerWrite(`t${i}`, { watermark: NOON, dueAt: i % 5 === 0 ? null : NOON + i }),
      );
      for (let from = 0; from < writes.length; from += 1000)
        await stores.jobs.putTriggers(job, writes.slice(from, from + 1000));
      const found = await scanAll(stores.planning, shard);
      expect(found).toHaveLength(2501);
      expect(found.find(({ key }) => key === `${job}/t7`)).toEqual(await stores.jobs.getTrigger(`${job}/t7`));
      expect(found.find(({ key }) => key === `${job}/t5`)).not.toHaveProperty('dueAt');
    });

    it('scans only triggers that name calendars where that is asked for', async () => {
      const { stores } = await open(makeStores);
      const named = await storedTrigger(stores, { name: 'named', calendars: ['holidays', 'nights'] });
      await stores.jobs.putTriggers(named.job, [
        aTriggerWrite('plain', { watermark: NOON, dueAt: NOON }),
        aTriggerWrite('looks-alike', { watermark: NOON, dueAt: NOON, data: 'a|kb' }),
      ]);
      expect(await scanAll(stores.planning, named.shard, true)).toEqual([named.trigger]);
      expect(named.trigger.definition.calendars).toEqual(['holidays', 'nights']);
    });

    it('moves the due instant and nothing else', async () => {
      const { stores } = await open(makeStores);
      const { shard, trigger } = await storedTrigger(stores);
      expect(await stores.planning.moveDue(shard, EPOCH_1, [change(trigger, NOON)])).toBe(1);
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual({ ...trigger, dueAt: NOON });
      expect((await stores.executions.wakeTimes(shard)).dueAt).toBe(NOON);
    });

    it('finishes a trigger for which nothing is left, and brings one back to which a time was added', async () => {
      const { stores } = await open(makeStores);
      const { shard, trigger } = await storedTrigger(stores);
      const { dueAt: _dueAt, ...finished } = trigger;
      expect(await stores.planning.moveDue(shard, EPOCH_1, [change(trigger, null)])).toBe(1);
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual(finished);
      const now = await stores.executions.serverTime();
      const { dueAt, expiryAt } = await stores.executions.wakeTimes(shard);
      expect(dueAt).toBeNull();
      expect(expiryAt).toBeGreaterThan(now + FINISHED_TRIGGER_MS - 60_000);
      expect(await stores.planning.moveDue(shard, EPOCH_1, [change(finished, NOON)])).toBe(1);
      expect(await stores.executions.wakeTimes(shard)).toMatchObject({ dueAt: NOON, expiryAt: null });
    });

    it('leaves a trigger that was changed, fired, moved or deleted since it was read', async () => {
      const { stores } = await open(makeStores);
      const { job, shard, trigger } = await storedTrigger(stores);
      const { version, watermark } = trigger.state;
      const stale: DueChange['expected'][] = [
        { version: version + 1, watermark, dueAt: trigger.dueAt ?? null },
        { version, watermark: watermark + 1, dueAt: trigger.dueAt ?? null },
        { version, watermark, dueAt: NOON },
        { version, watermark, dueAt: null },
      ];
      for (const expected of stale) {
        expect(await stores.planning.moveDue(shard, EPOCH_1, [{ trigger: trigger.key, expected, dueAt: NOON }])).toBe(
          0,
        );
      }
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual(trigger);
      await stores.jobs.deleteTrigger(trigger.key);
      expect(await stores.planning.moveDue(shard, EPOCH_1, [change(trigger, NOON)])).toBe(0);
      expect(await stores.jobs.getTrigger(trigger.key)).toBeNull();
      expect((await stores.executions.wakeTimes(shard)).dueAt).toBeNull();
      expect(await stores.jobs.countTriggers(job)).toBe(0);
    });

    it('goes on after a job was deleted between two pages', async () => {
      const { stores } = await open(makeStores);
      const first = aJobKey();
      const big = Array.from({ length: 1000 }, (_, i) => aTriggerWrite(`t${i}`, { watermark: NOON, dueAt: NOON }));
      await stores.jobs.putJob({ key: first, definition: aJobDefinition(), triggers: big });
      const { shard } = await storedTrigger(stores, { job: first, name: 'last' });
      const page = await stores.planning.scanTriggers(shard, { cursor: null, withCalendars: false });
      await stores.jobs.deleteJob(first);
      const rest =
        page.nextCursor === null
          ? page
          : await stores.planning.scanTriggers(shard, { cursor: page.nextCursor, withCalendars: false });
      expect(rest.triggers.length).toBeLessThanOrEqual(1001);
    });
  });
}
