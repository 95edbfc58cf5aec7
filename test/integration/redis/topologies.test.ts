import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  startRedisCluster,
  startSentinel,
  untilCopied,
  type RedisClusterTopology,
  type SentinelTopology,
} from '../../support/redis-topologies.js';
import { eventually } from '../../support/wait.js';

describe('a master with Sentinels', () => {
  let topology: SentinelTopology;
  beforeAll(async () => {
    topology = await startSentinel({ replicas: 2 });
  });
  afterAll(() => topology.stop());

  it('replaces a master that is killed, and takes it back as a replica', async () => {
    const before = await topology.master();
    await ask(before, 'SET', 'kept', 'yes');
    await untilCopied(before);
    await topology.kill(before);
    const master = await topology.masterAfter(before);
    expect(await ask(master, 'GET', 'kept')).toBe('yes');

    await topology.restart(before);
    await eventually('the old master to follow', async () => ((await ask(before, 'ROLE')) as string[])[0] === 'slave');
  });
});

describe('a cluster of three masters', () => {
  let topology: RedisClusterTopology;
  beforeAll(async () => {
    topology = await startRedisCluster();
  });
  afterAll(() => topology.stop());

  it('replaces a master that is killed, and hands over on request', async () => {
    const slot = await topology.slotOf('{a}');
    const owner = await topology.ownerOf(slot);
    await ask(owner, 'SET', '{a}', 'kept');
    await untilCopied(owner);
    await topology.kill(owner);
    const successor = await topology.successorOf(owner, slot);
    expect(await ask(successor, 'GET', '{a}')).toBe('kept');

    await topology.restart(owner);
    await eventually('the old master to follow', async () => (await topology.replicaOf(successor)) === owner);
    expect(await topology.failover(successor)).toBe(owner);
  });

  it('moves a slot with its keys', async () => {
    const slot = await topology.slotOf('{b}');
    const from = await topology.ownerOf(slot);
    await ask(from, 'MSET', '{b}1', 'x', '{b}2', 'y');
    const to = (await topology.masters()).find((node) => node !== from);
    if (to === undefined) throw new Error('one master only');

    const move = await topology.beginSlotMove(slot, to);
    await topology.moveKeys(slot, from, to, 1);
    const asked = await Promise.allSettled([ask(from, 'GET', '{b}1'), ask(from, 'GET', '{b}2')]);
    expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);

    await move.finish();
    expect(await topology.ownerOf(slot)).toBe(to);
    expect(await ask(to, 'GET', '{b}2')).toBe('y');
  });
});
