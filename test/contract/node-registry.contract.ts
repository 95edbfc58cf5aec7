import { describe, expect, it } from 'vitest';
import { NODE_TTL_MS } from '../../src/store/node-registry.js';
import { open, type StoresFactory } from './factory.js';

export function describeNodeRegistry(name: string, makeStores: StoresFactory): void {
  describe(`${name}: NodeRegistry`, () => {
    it('lists the announced nodes of a role by id, as they last described themselves', async () => {
      const { stores } = await open(makeStores);
      const { registry } = stores;
      const before = await stores.executions.serverTime();
      await registry.announce('worker', 'w2', { slots: 10 });
      await registry.announce('worker', 'w1', { slots: 1 });
      await registry.announce('worker', 'w1', { slots: 2, queues: ['default'] });
      await registry.announce('comet', 'c1', {});
      const after = await stores.executions.serverTime();
      const records = await registry.list('worker');
      expect(records.map(({ role, id, facts }) => ({ role, id, facts }))).toEqual([
        { role: 'worker', id: 'w1', facts: { slots: 2, queues: ['default'] } },
        { role: 'worker', id: 'w2', facts: { slots: 10 } },
      ]);
      for (const { seenAt } of records) {
        expect(seenAt).toBeGreaterThanOrEqual(before);
        expect(seenAt).toBeLessThanOrEqual(after);
      }
      expect(await registry.list('api')).toEqual([]);
    });

    it('forgets a node that withdrew, in that role only', async () => {
      const { registry } = (await open(makeStores)).stores;
      await registry.announce('worker', 'n1', {});
      await registry.announce('api', 'n1', {});
      await registry.withdraw('worker', 'n1');
      await registry.withdraw('worker', 'n1');
      expect(await registry.list('worker')).toEqual([]);
      expect((await registry.list('api')).map((record) => record.id)).toEqual(['n1']);
    });

    it('forgets a node that has been silent for the time to live', async () => {
      const { stores, advance } = await open(makeStores);
      await stores.registry.announce('worker', 'silent', {});
      await advance(NODE_TTL_MS - 1000);
      await stores.registry.announce('worker', 'alive', {});
      expect((await stores.registry.list('worker')).map((record) => record.id)).toEqual(['alive', 'silent']);
      await advance(1001);
      expect((await stores.registry.list('worker')).map((record) => record.id)).toEqual(['alive']);
    });
  });
}
