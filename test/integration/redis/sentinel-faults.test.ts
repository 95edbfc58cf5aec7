import { SentinelConnector } from 'ioredis';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { Metrics } from '../../../src/runtime/metrics.js';
import { listening } from '../../support/listening.js';
import { ask, startSentinel, untilCopied, type SentinelTopology } from '../../support/redis-topologies.js';
import { eventually } from '../../support/wait.js';
import { connected, firedOf, fireInSteps, insist, serverChanges, storedJob, storesAt, subscribing } from './rig.js';

let topology: SentinelTopology;

beforeAll(async () => {
  topology = await startSentinel();
});
afterAll(() => topology.stop());

async function untilFollowing(count = 1): Promise<void> {
  const master = await topology.master();
  const isOnline = async (): Promise<boolean> => {
    const info = String(await ask(master, 'INFO', 'replication'));
    return (info.match(/state=online/g) ?? []).length === count;
  };
  // Sentinels look every ten seconds what became of a server that was away.
  await eventually('a replica in step', isOnline, { timeoutMs: 30_000 });
}

it('fires each nominal time once while the master is killed and replaced, and hears again what is published', async () => {
  const stores = await storesAt(topology.url);
  const pubSub = await subscribing(topology.url);
  const news = await listening(pubSub, 'news');
  const job = await storedJob(stores);
  const before = await fireInSteps(stores, job, 20);
  const master = await topology.master();
  await untilCopied(master);
  await topology.kill(master);
  await expect(stores.jobs.pauseJob(job, 'while nobody is there')).rejects.toMatchObject({
    code: 'CJ_REDIS_UNAVAILABLE',
  });
  // The new master has none of the scripts.
  const after = await fireInSteps(stores, job, 20);
  expect((await firedOf(stores, job)).sort()).toEqual([...before, ...after].sort());
  await eventually('the gap', () => news.gaps === 1);
  await insist(() => stores.connection.send('PUBLISH', ['news', 'after']));
  await eventually('the message', () => news.heard.includes('after'));
  await topology.restart(master);
  await untilFollowing();
});

it('goes over to the new master while the old one is silent, and stays there when it returns', async () => {
  const stores = await storesAt(topology.url);
  const job = await storedJob(stores);
  const old = await topology.master();
  await untilCopied(old);
  topology.pause(old);
  const fired = await fireInSteps(stores, job, 3);
  topology.resume(old);
  expect((await firedOf(stores, job)).sort()).toEqual([...fired].sort());
  await untilFollowing();
  const info = String(await stores.connection.send('INFO', ['server']));
  expect(info).toContain(`tcp_port:${(await topology.master()).port}`);
  expect(await topology.master()).not.toBe(old);
});

it('connects when it is started while the master is dead and not replaced yet', async () => {
  const master = await topology.master();
  await untilCopied(master);
  await topology.kill(master);
  const [connection] = await Promise.all([connected(topology.url), subscribing(topology.url)]);
  expect(await insist(() => connection.send('PING', []))).toBe('PONG');
  await topology.restart(master);
  await untilFollowing();
});

it('goes over to a replica that was promoted in good order, and says that another server answers', async () => {
  const metrics = new Metrics();
  const connection = await connected(topology.url, metrics);
  await connection.send('SET', ['kept', 1]);
  const promoted = await topology.failover();
  await insist(() => connection.send('INCR', ['kept']));
  const info = String(await connection.send('INFO', ['server']));
  expect(info).toContain(`tcp_port:${promoted.port}`);
  await eventually('the change', async () => (await serverChanges(metrics)) > 0);
  await untilFollowing();
});

it('connects although a Sentinel accepts connections and says nothing', async () => {
  const [first] = topology.sentinels;
  if (first === undefined) throw new Error('no Sentinel');
  topology.pause(first);
  const connection = await connected(topology.url);
  expect(await connection.send('PING', [])).toBe('PONG');
  topology.resume(first);
});

it('comes back when it hears of a failover just while it asks who the master is', async () => {
  const connection = await connected(topology.url);
  const pubSub = await subscribing(topology.url);
  const news = await listening(pubSub, 'still');
  const prototype = SentinelConnector.prototype as unknown as { resolve(...args: unknown[]): Promise<unknown> };
  const resolve = prototype.resolve;
  const interrupted = new Set<unknown>();
  const spy = vi.spyOn(prototype, 'resolve').mockImplementation(function (this: SentinelConnector, ...args) {
    // What the detector of the connection before does, which is listening still.
    if (!interrupted.has(this)) this.disconnect();
    interrupted.add(this);
    return resolve.apply(this, args);
  });
  onTestFinished(() => spy.mockRestore());
  const master = await topology.master();
  for (const type of ['normal', 'pubsub']) await ask(master, 'CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
  await eventually('both were interrupted', () => interrupted.size >= 2);
  await insist(() => connection.send('PUBLISH', ['still', 'here']));
  await eventually('the gap', () => news.gaps > 0);
  await insist(() => connection.send('PUBLISH', ['still', 'there']));
  await eventually('the message', () => news.heard.includes('there'));
});
