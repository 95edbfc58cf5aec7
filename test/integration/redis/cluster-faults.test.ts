import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RedisServer } from '../../../scripts/servers.mjs';
import { shardOfJob } from '../../../src/domain/shard.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { shardKeysOf } from '../../../src/store/redis/keys.js';
import { listening } from '../../support/listening.js';
import { ask, startRedisCluster, untilCopied, type RedisClusterTopology } from '../../support/redis-topologies.js';
import { eventually } from '../../support/wait.js';
import { connected, firedOf, fireInSteps, insist, serverChanges, storedJob, storesAt, subscribing } from './rig.js';

let topology: RedisClusterTopology;

beforeAll(async () => {
  topology = await startRedisCluster({ nodeTimeoutMs: 1000 });
});
afterAll(() => topology.stop());

/** Stores with a job, and the slot in which it is. */
async function aJobInTheCluster() {
  const cluster = `resilience-${randomUUID()}`;
  const stores = await storesAt(topology.url, cluster);
  const job = await storedJob(stores);
  const slot = await topology.slotOf(shardKeysOf(cluster, shardOfJob(job, stores.executions.shardCount)).jobs);
  return { stores, job, slot, owner: await topology.ownerOf(slot) };
}

/** The node at which somebody listens. */
async function listenedNode(): Promise<RedisServer> {
  for (const node of topology.nodes) {
    const clients = await ask(node, 'CLIENT', 'LIST', 'TYPE', 'pubsub').catch(() => '');
    if (String(clients).includes('sub=1')) return node;
  }
  throw new Error('nobody listens');
}

it('fires each nominal time once while the master of a shard is killed and replaced, and says that it was', async () => {
  const { stores, job, slot, owner } = await aJobInTheCluster();
  const metrics = new Metrics();
  await connected(topology.url, metrics);
  const before = await fireInSteps(stores, job, 20);
  // What is acknowledged and not yet copied is what a failover loses; here nothing is on its way.
  await untilCopied(owner);
  await topology.kill(owner);
  await expect(stores.jobs.pauseJob(job, 'while nobody is there')).rejects.toMatchObject({
    code: 'CJ_REDIS_UNAVAILABLE',
  });
  const after = await fireInSteps(stores, job, 20);
  expect((await firedOf(stores, job)).sort()).toEqual([...before, ...after].sort());
  expect(new Set([...before, ...after]).size).toBe(40);

  await topology.successorOf(owner, slot);
  await eventually('the change', async () => (await serverChanges(metrics)) === 1);
  await topology.restart(owner);
  await topology.untilOk();
});

it('follows a slot that moves, and does each write once on the way', async () => {
  const { stores, job, slot, owner } = await aJobInTheCluster();
  const before = await fireInSteps(stores, job, 5);
  const to = (await topology.masters()).find((node) => node !== owner);
  if (to === undefined) throw new Error('one master only');
  const move = await topology.beginSlotMove(slot, to);
  // Half of the keys are there: calls are answered with ASK and TRYAGAIN until the rest has followed.
  await topology.moveKeys(slot, owner, to, 3);
  const during = fireInSteps(stores, job, 10);
  await move.finish();
  const after = await during;
  expect(await topology.ownerOf(slot)).toBe(to);
  expect((await firedOf(stores, job)).sort()).toEqual([...before, ...after].sort());
});

it('hears again what is published after the node at which it listened was killed, and is told of the gap', async () => {
  const connection = await connected(topology.url);
  const pubSub = await subscribing(topology.url);
  const news = await listening(pubSub, 'news');
  const node = await listenedNode();
  await topology.kill(node);
  await eventually('the gap', () => news.gaps === 1);
  await insist(() => connection.send('PUBLISH', ['news', 'after']));
  await eventually('the message', () => news.heard.includes('after'));
  await topology.restart(node);
  await topology.untilOk();
});

it('leaves a node that has fallen silent, and is told of the gap', async () => {
  const connection = await connected(topology.url);
  const pubSub = await subscribing(topology.url);
  const news = await listening(pubSub, 'news');
  const node = await listenedNode();
  topology.pause(node);
  const isTold = (): boolean => {
    void pubSub.check();
    return news.gaps === 1;
  };
  await eventually('the gap', isTold, { everyMs: 250, timeoutMs: 20_000 });
  await insist(() => connection.send('PUBLISH', ['news', 'after']));
  await eventually('the message', () => news.heard.includes('after'));
  topology.resume(node);
  await topology.untilOk();
});

it('says unavailable while a third of the slots is served by nobody, and goes on afterwards', async () => {
  const { stores, job, owner } = await aJobInTheCluster();
  const replica = await topology.replicaOf(owner);
  await untilCopied(owner);
  await Promise.all([topology.kill(owner), topology.kill(replica)]);
  const write = (): Promise<unknown> => stores.jobs.pauseJob(job, 'while the cluster is down');
  await expect(write()).rejects.toMatchObject({ code: 'CJ_REDIS_UNAVAILABLE', retryable: true });
  await topology.restart(owner);
  await topology.restart(replica);
  await insist(write);
  expect(await stores.jobs.getJob(job)).toMatchObject({ version: 2 });
});

it('tells in our terms what a single master refuses', async () => {
  const connection = await connected(topology.url);
  const masters = connection.masters();
  expect(masters).toHaveLength(3);
  for (const master of masters) await expect(master.send('NOSUCH')).rejects.toMatchObject({ code: 'CJ_INVARIANT' });
});
