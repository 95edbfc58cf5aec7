import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { startZooKeeper, type ZooKeeperEnsemble, type ZooKeeperServer } from '../../../scripts/servers.mjs';
import type { Clock } from '../../../src/runtime/clock.js';
import { silentLogger, type Logger } from '../../../src/runtime/logger.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { eventually } from '../../support/wait.js';
import { ZkProxy } from '../../support/zk-proxy.js';
import { freeze } from './freeze.js';
import { ElectionRig, type RigMember } from './election-rig.js';

const T = 1200;
const SLACK = 150;
const CONFIG = { sessionTimeoutMs: T };

const cleanups: (() => Promise<void>)[] = [];

function rig(servers: string, shardCount: number): ElectionRig {
  const made = new ElectionRig(servers, shardCount);
  cleanups.unshift(() => made.stop());
  return made;
}

async function proxied(): Promise<ZkProxy> {
  const proxy = await ZkProxy.start(Number(inject('zookeeper').split(':')[1]));
  cleanups.push(() => proxy.stop());
  return proxy;
}

/** Remembers to which server a member is connected. */
class ServerWatch {
  port = 0;
  readonly logger: Logger = {
    ...silentLogger,
    info: (event, fields) => {
      if (event === 'zookeeper-connected') this.port = Number(String(fields?.['server']).split(':')[1]);
    },
    child: () => this.logger,
  };
}

/** Instant at which the last answered heartbeat of the member was sent. */
function lastHeartbeat(member: RigMember): number {
  return Number(member.probe.moments.findLast(({ moment }) => moment === 'heartbeat-answered')?.facts['sentAt']);
}

describe('ZooKeeperElector under faults', () => {
  let ensemble: ZooKeeperEnsemble;
  let single: ZooKeeperEnsemble;
  beforeAll(async () => {
    [ensemble, single] = await Promise.all([startZooKeeper({ size: 3 }), startZooKeeper()]);
  });
  afterAll(async () => {
    await Promise.all([ensemble.stop(), single.stop()]);
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  it('steps down within 2/3 of the timeout when its server freezes, and goes on through another server', async () => {
    const election = rig(ensemble.connectString, 4);
    const watch = new ServerWatch();
    const a = await election.join('a', { logger: watch.logger, config: CONFIG });
    const b = await election.join('b', { config: CONFIG });
    await election.balanced(a, b);
    const frozen = ensemble.servers.find(({ port }) => port === watch.port) as ZooKeeperServer;
    const ended = a.probe.count('term-ended');
    await freeze(frozen);
    const lastSent = lastHeartbeat(a);
    await a.probe.reached('term-ended', ended + 2);
    const steppedDownAfter = performance.now() - lastSent;
    await election.balanced(a, b).finally(() => frozen.signal('SIGCONT'));
    expect(steppedDownAfter).toBeLessThan((T * 2) / 3 + SLACK);
    expect(watch.port).not.toBe(frozen.port);
    election.expectSafe();
  });

  it('loses its shards to the others when its session expires, and gets its share back on greater epochs', async () => {
    const proxy = await proxied();
    const election = rig(inject('zookeeper'), 8);
    const a = await election.join('a', { servers: proxy.address, config: CONFIG });
    const b = await election.join('b', { config: CONFIG });
    await election.balanced(a, b);
    proxy.hold('up', 'down');
    const heldAt = performance.now();
    await b.leads(8);
    expect(performance.now() - heldAt).toBeLessThan(T + 1000);
    expect(a.elector.terms().size).toBe(0);
    proxy.release();
    await election.balanced(a, b);
    expect(new Set(election.log.map(({ reason }) => reason))).toEqual(new Set(['disconnected', 'resigned', undefined]));
    election.expectSafe();
  });

  it('takes nothing from the others after its session expired until the store answers it', async () => {
    const proxy = await proxied();
    const election = rig(inject('zookeeper'), 4);
    const store = { isSilent: false, waiting: [] as (() => void)[] };
    const readFence = async (shard: number): Promise<number> => {
      if (store.isSilent) await new Promise<void>((resolve) => store.waiting.push(resolve));
      return election.fences.get(shard) ?? 0;
    };
    const a = await election.join('a', { servers: proxy.address, config: CONFIG, readFence });
    const b = await election.join('b', { config: CONFIG });
    await election.balanced(a, b);
    store.isSilent = true;
    proxy.hold('up', 'down');
    await b.leads(4);
    proxy.release();
    await eventually('a asks the store', () => store.waiting.length > 0);
    expect(b.elector.terms().size).toBe(4);
    store.isSilent = false;
    store.waiting.forEach((answer) => answer());
    await election.balanced(a, b);
    election.expectSafe();
  });

  it('leads on a new epoch after a connection that was only cut, without anybody else taking over', async () => {
    const proxy = await proxied();
    const election = rig(inject('zookeeper'), 4);
    const a = await election.join('a', { servers: proxy.address, config: CONFIG });
    const b = await election.join('b', { config: CONFIG });
    await election.balanced(a, b);
    proxy.cut();
    await a.probe.reached('term-ended', a.probe.count('term-ended') + 2);
    await election.balanced(a, b);
    expect(election.log.filter(({ member, reason }) => member === 'b' && reason !== undefined)).toEqual([]);
    election.expectSafe();
  });

  it('hears of members that came while its connection was down', async () => {
    const proxy = await proxied();
    const election = rig(inject('zookeeper'), 4);
    const a = await election.join('a', { servers: proxy.address, config: { sessionTimeoutMs: 10_000 } });
    await a.leads(4);
    proxy.hold('down');
    proxy.cut();
    await a.probe.reached('term-ended', 4);
    const b = await election.join('b', { config: CONFIG });
    proxy.release();
    await election.balanced(a, b);
    election.expectSafe();
  });

  it('ends its terms while ZooKeeper is killed, and leads again after the restart', async () => {
    const election = rig(single.connectString, 4);
    const a = await election.join('a', { config: CONFIG });
    const b = await election.join('b', { config: CONFIG });
    await election.balanced(a, b);
    const [server] = single.servers;
    await server?.kill();
    await eventually('no terms', () => a.elector.terms().size + b.elector.terms().size === 0);
    expect(a.elector.members().map(({ member }) => member)).toEqual(['a', 'b']);
    expect(a.elector.describe()).toMatchObject({ ready: true, details: { connected: false } });
    await server?.start();
    await election.balanced(a, b);
    election.expectSafe();
  });

  it('never turns an epoch back when ZooKeeper comes back without its data', async () => {
    const election = rig(single.connectString, 2);
    const a = await election.join('a', { config: CONFIG });
    await a.leads(2);
    const [server] = single.servers;
    await server?.kill();
    await rm(join(server?.folder ?? '', 'version-2'), { recursive: true });
    await server?.start();
    await a.leads(2, 20_000);
    expect(election.log.map(({ epoch }) => epoch).sort()).toEqual([1, 1, 2, 2]);
    election.expectSafe();
  });

  it('trusts nothing after its process has stood still for longer than the trust window', async () => {
    let jumpMs = 0;
    const clock: Clock = { ...systemClock, monotonicNow: () => systemClock.monotonicNow() + jumpMs };
    const election = rig(inject('zookeeper'), 1);
    const a = await election.join('a', { clock, config: CONFIG });
    await a.leads(1);
    const term = a.elector.terms().get(0);
    expect(term?.isTrusted()).toBe(true);
    jumpMs += T;
    expect([term?.isTrusted(), term?.ended.aborted]).toEqual([false, false]);
    await a.probe.reached('term-started', 2);
    expect(term?.ended.reason).toBe('disconnected');
    election.expectSafe();
  });

  it('has one leader for each shard at any time while connections flap', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = seededRandom(seed);
    const election = rig(inject('zookeeper'), 8);
    const proxies = await Promise.all([proxied(), proxied(), proxied()]);
    const members = await Promise.all(
      proxies.map((proxy, i) => election.join(`m${i}`, { servers: proxy.address, config: { sessionTimeoutMs: 600 } })),
    );
    await election.balanced(...members);
    for (let round = 0; round < 25; round++) {
      const proxy = proxies[Math.floor(random() * proxies.length)];
      const fault = Math.floor(random() * 5);
      if (fault === 0) proxy?.cut();
      else if (fault === 1) proxy?.hold('down');
      else if (fault === 2) proxy?.hold('up');
      else if (fault === 3) proxy?.hold('up', 'down');
      else proxy?.release();
      const until = performance.now() + random() * 300;
      await eventually('the next fault', () => performance.now() >= until, { everyMs: 5 });
    }
    for (const proxy of proxies) proxy.release();
    await election.balanced(...members);
    expect({ seed, trustedTwice: election.trustedTwice }).toEqual({ seed, trustedTwice: [] });
    election.expectSafe();
  });
});

/** Mulberry32. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
