import { describe, expect, it } from 'vitest';
import { epochOf, type Epoch } from '../../src/domain/shard.js';
import type { Stores } from '../../src/store/stores.js';
import { aDecision, aFire, queuedExecution, storedTrigger } from '../support/builders.js';
import { open, type StoresFactory } from './factory.js';

const EPOCH_5 = epochOf(5);

export function describeFencing(makeStores: StoresFactory): void {
  describe('the fence', () => {
    it('is zero and nobody’s before the first leader', async () => {
      const { stores } = await open(makeStores);
      expect(await stores.executions.readFence(3)).toEqual({ epoch: 0, member: null, sealedAt: null });
    });

    it('is sealed in the name of the member, shard by shard', async () => {
      const { stores } = await open(makeStores);
      const before = await stores.executions.serverTime();
      await stores.executions.sealFence(3, EPOCH_5, 'ada');
      const fence = await stores.executions.readFence(3);
      expect(fence).toEqual({ epoch: 5, member: 'ada', sealedAt: fence.sealedAt });
      expect(fence.sealedAt).toBeGreaterThanOrEqual(before);
      expect((await stores.executions.readFence(4)).epoch).toBe(0);
    });

    it('does not change when the same member seals the same epoch again', async () => {
      const { stores, advance } = await open(makeStores);
      await stores.executions.sealFence(3, EPOCH_5, 'ada');
      const fence = await stores.executions.readFence(3);
      await advance(5);
      await stores.executions.sealFence(3, EPOCH_5, 'ada');
      expect(await stores.executions.readFence(3)).toEqual(fence);
    });

    it('refuses a smaller epoch, and an equal one of another member', async () => {
      const { stores } = await open(makeStores);
      await stores.executions.sealFence(3, EPOCH_5, 'ada');
      const fence = await stores.executions.readFence(3);
      const fenced = { code: 'CJ_EPOCH_STALE' };
      await expect(stores.executions.sealFence(3, epochOf(4), 'ada')).rejects.toMatchObject(fenced);
      await expect(stores.executions.sealFence(3, EPOCH_5, 'bob')).rejects.toMatchObject(fenced);
      expect(await stores.executions.readFence(3)).toEqual(fence);
    });

    it('names nobody after the term is over, and keeps the epoch', async () => {
      const { stores } = await open(makeStores);
      await stores.executions.sealFence(3, EPOCH_5, 'ada');
      await stores.executions.releaseFence(3, EPOCH_5);
      await stores.executions.releaseFence(3, EPOCH_5);
      expect(await stores.executions.readFence(3)).toMatchObject({ epoch: 5, member: null });
      await expect(stores.executions.sealFence(3, epochOf(4), 'bob')).rejects.toMatchObject({ code: 'CJ_EPOCH_STALE' });
      expect(await stores.executions.raiseFence(3, 'bob')).toBe(6);
    });

    it('stays in the name of the next leader when the last one releases it late', async () => {
      const { stores } = await open(makeStores);
      await stores.executions.sealFence(3, EPOCH_5, 'ada');
      await stores.executions.sealFence(3, epochOf(6), 'bob');
      const late = stores.executions.releaseFence(3, EPOCH_5);
      await expect(late).rejects.toMatchObject({ code: 'CJ_EPOCH_STALE' });
      expect(await stores.executions.readFence(3)).toMatchObject({ epoch: 6, member: 'bob' });
    });

    it('goes up by one when a member raises it', async () => {
      const { stores } = await open(makeStores);
      expect(await stores.executions.raiseFence(3, 'ada')).toBe(1);
      await stores.executions.sealFence(3, EPOCH_5, 'bob');
      expect(await stores.executions.raiseFence(3, 'ada')).toBe(6);
      expect(await stores.executions.readFence(3)).toMatchObject({ epoch: 6, member: 'ada' });
      expect(await stores.executions.raiseFence(4, 'ada')).toBe(1);
    });

    it('goes up with any write of a larger epoch', async () => {
      const { stores } = await open(makeStores);
      await stores.executions.requeueRetries(3, EPOCH_5, 10);
      expect((await stores.executions.readFence(3)).epoch).toBe(5);
      await stores.executions.sealFence(3, EPOCH_5, 'ada');
      expect(await stores.executions.readFence(3)).toMatchObject({ epoch: 5, member: 'ada' });
    });

    it.each(leaderWrites())('refuses %s of a leader that was replaced', async (_name, write) => {
      const { stores } = await open(makeStores);
      const { shard } = await queuedExecution(stores, { epoch: epochOf(4) });
      await stores.executions.sealFence(shard, EPOCH_5, 'ada');
      await expect(write(stores, shard, epochOf(4))).rejects.toMatchObject({
        code: 'CJ_EPOCH_STALE',
        details: { shard, epoch: 4 },
      });
      await expect(write(stores, shard, EPOCH_5)).resolves.not.toThrow();
    });

    it('keeps a replaced leader from firing anything', async () => {
      const { stores } = await open(makeStores);
      const { job, shard, trigger, dueAt } = await storedTrigger(stores);
      await stores.executions.sealFence(shard, EPOCH_5, 'ada');
      const fire = aFire(stores, { job, nominalAt: dueAt });
      const late = stores.executions.fire(shard, epochOf(4), [aDecision(trigger, { fires: [fire] })]);
      await expect(late).rejects.toMatchObject({ code: 'CJ_EPOCH_STALE' });
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual(trigger);
      expect(await stores.executions.getExecution(fire.id)).toBeNull();
    });
  });
}

type Write = (stores: Stores, shard: number, epoch: Epoch) => Promise<unknown>;

function leaderWrites(): [string, Write][] {
  return [
    ['fire', ({ executions }, shard, epoch) => executions.fire(shard, epoch, [])],
    ['dropOrphans', ({ executions }, shard, epoch) => executions.dropOrphans(shard, epoch, [])],
    ['requeueRetries', ({ executions }, shard, epoch) => executions.requeueRetries(shard, epoch, 10)],
    ['rescueExpired', ({ executions }, shard, epoch) => executions.rescueExpired(shard, epoch, 10)],
    ['deleteExpired', ({ executions }, shard, epoch) => executions.deleteExpired(shard, epoch, 10)],
  ];
}
