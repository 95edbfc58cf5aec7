import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { startZooKeeper, type ZooKeeperEnsemble, type ZooKeeperServer } from '../../../scripts/servers.mjs';
import { ZooKeeperSession } from '../../../src/leader/zookeeper-session.js';
import { claimEphemeral } from '../../../src/leader/ephemeral-claim.js';
import type { Clock } from '../../../src/runtime/clock.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { eventually, RecordingProbe } from '../../support/wait.js';
import { ZkProxy } from '../../support/zk-proxy.js';
import { freeze } from './freeze.js';
import { SessionRig, type RigOptions } from './session-rig.js';

const T = 1200;
/** How late a timer may come on a busy machine. */
const SLACK = 150;

const cleanups: (() => Promise<void>)[] = [];

async function proxied(): Promise<ZkProxy> {
  const proxy = await ZkProxy.start(Number(inject('zookeeper').split(':')[1]));
  cleanups.push(() => proxy.stop());
  return proxy;
}

async function opened(servers: string, timeoutMs = T, options?: RigOptions): Promise<SessionRig> {
  const rig = new SessionRig(servers, timeoutMs, options);
  cleanups.unshift(() => rig.session.stop());
  await rig.session.start();
  return rig;
}

async function connected(servers = inject('zookeeper'), timeoutMs = T, options?: RigOptions): Promise<SessionRig> {
  const rig = await opened(servers, timeoutMs, options);
  await rig.seen('connected');
  return rig;
}

function freshPath(): string {
  return `/session-test-${randomUUID()}`;
}

describe('ZooKeeperSession', () => {
  let ensemble: ZooKeeperEnsemble;
  beforeAll(async () => {
    ensemble = await startZooKeeper();
  });
  afterAll(() => ensemble.stop());
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  it('Z1 a silent server ends trust within 2/3 of the timeout from the sending of the last answered heartbeat', async () => {
    const rig = await connected(ensemble.connectString);
    const { client } = rig;
    await rig.probe.reached('heartbeat-answered', 2);
    const [server] = ensemble.servers as readonly [ZooKeeperServer];
    await freeze(server);
    const pending = client.stat('/').then(
      () => 'answered',
      (error: { code?: string }) => error.code,
    );
    const disconnectedAt = await rig.seen('disconnected').finally(() => server.signal('SIGCONT'));
    const lastSent = rig.lastHeartbeat();
    // Noticed earlier than trust ends, so that there is time to carry the session to another server.
    expect(disconnectedAt - lastSent).toBeLessThan(T / 2 + SLACK);
    expect(rig.session.trustedUntil - rig.lastHeartbeat()).toBeCloseTo((T * 2) / 3, 3);
    expect(rig.session.isTrusted(client)).toBe(false);
    expect(await pending).toBe('CJ_ZK_DISCONNECTED');
  });

  it('Z1 a slow answer does not stretch trust: it counts from when the heartbeat was sent', async () => {
    const proxy = await proxied();
    const rig = await connected(proxy.address);
    await rig.probe.reached('heartbeat-answered', 2);
    proxy.hold('down');
    const heldAt = performance.now();
    const sent = proxy.count('up', 'setData');
    await eventually('a heartbeat under way', () => proxy.count('up', 'setData') > sent, { everyMs: 1 });
    await eventually('a quarter of the timeout passed', () => performance.now() - heldAt > T / 4, { everyMs: 5 });
    const answered = rig.probe.count('heartbeat-answered');
    proxy.release();
    await rig.probe.reached('heartbeat-answered', answered + 1);
    const [first] = rig.probe.moments.filter(({ moment }) => moment === 'heartbeat-answered').slice(answered);
    const sentAt = Number(first?.facts['sentAt']);
    expect(sentAt).toBeLessThan(heldAt + T / 4);
    expect(rig.names).not.toContain('disconnected');
    expect(rig.session.trustedUntil - rig.lastHeartbeat()).toBeCloseTo((T * 2) / 3, 3);
  });

  it('Z1 a standstill of this process shorter than the trust window costs nothing: the answer is there already', async () => {
    let isArmed = false;
    const standStill = (): void => {
      const until = performance.now() + T / 3 + 20;
      while (performance.now() < until);
    };
    const clock: Clock = {
      ...systemClock,
      setTimer: (delayMs, fn) => {
        // The deadline of a heartbeat that is sent in this turn of the event loop.
        if (isArmed && delayMs === T / 3) setImmediate(standStill);
        isArmed &&= delayMs !== T / 3;
        return systemClock.setTimer(delayMs, fn);
      },
    };
    const rig = await connected(inject('zookeeper'), T, { clock });
    await rig.probe.reached('heartbeat-answered', 1);
    isArmed = true;
    await rig.probe.reached('heartbeat-answered', 4);
    expect(isArmed).toBe(false);
    expect(rig.names).toEqual(['connected']);
  });

  it('Z1 while requests arrive and answers do not, the session is left to expire: handshakes would prolong it for ever', async () => {
    const observer = await connected();
    const proxy = await proxied();
    const rig = await connected(proxy.address);
    const path = freshPath();
    await rig.client.createEphemeral(path, Buffer.alloc(0));
    proxy.hold('down');
    await rig.seen('expired');
    await eventually('its ephemeral to go', async () => (await observer.client.stat(path)) === undefined);
    expect(rig.names).toEqual(['connected', 'disconnected', 'expired']);
  });

  it('Z2 a server that accepts and never answers is given up for the next one', async () => {
    const silent = await proxied();
    silent.hold('up', 'down');
    // Whichever comes first, both orders lead to the healthy one within one handshake.
    for (let round = 0; round < 3; round++) {
      const startedAt = performance.now();
      const rig = await opened(`${silent.address},${inject('zookeeper')}`);
      expect((await rig.seen('connected')) - startedAt).toBeLessThan(T / 3 + SLACK);
    }
  });

  it('Z3 a connection cut in the middle of a frame leaves nothing behind for the next one', async () => {
    const proxy = await proxied();
    const rig = await connected(proxy.address);
    const { sessionId } = rig.session;
    const path = freshPath();
    await rig.client.createPersistent(path, Buffer.from('whole'));
    proxy.onFrame = ({ direction, kind, size }) => (direction === 'down' && kind === 'getData' ? size - 9 : 'forward');
    await expect(rig.client.read(path)).rejects.toMatchObject({ code: 'CJ_ZK_DISCONNECTED' });
    proxy.onFrame = () => 'forward';
    await rig.seen('resumed');
    expect([rig.session.sessionId, rig.session.timeoutMs]).toEqual([sessionId, T]);
    expect((await rig.client.read(path))?.data.toString()).toBe('whole');
    expect(rig.names).toEqual(['connected', 'disconnected', 'resumed']);
  });

  it('Z3 an answer that cannot be read ends the connection, not the process', async () => {
    const proxy = await proxied();
    const rig = await connected(proxy.address);
    const path = freshPath();
    await rig.client.createPersistent(path, Buffer.from('x'.repeat(100)));
    let shortened = 0;
    proxy.rewrite = (frame, { direction, kind }) => {
      if (direction !== 'down' || kind !== 'getData' || shortened++ > 0) return frame;
      const short = Buffer.from(frame.subarray(0, 24));
      short.writeInt32BE(20, 0);
      return short;
    };
    await expect(rig.client.read(path)).rejects.toMatchObject({ code: 'CJ_ZK_DISCONNECTED' });
    await rig.seen('resumed');
    expect((await rig.client.read(path))?.data).toHaveLength(100);
  });

  it('Z3 a server whose answers are never readable is not asked in a tight loop', async () => {
    const proxy = await proxied();
    proxy.rewrite = (frame, { direction, kind }) => {
      if (direction !== 'down' || kind !== 'setData') return frame;
      const short = Buffer.from(frame.subarray(0, 20));
      short.writeInt32BE(16, 0);
      short.writeInt32BE(-999, 16);
      return short;
    };
    const rig = await opened(proxy.address);
    await rig.seen('disconnected', 4);
    const gaps = rig.events.filter(({ event }) => event === 'disconnected').map(({ at }) => at);
    expect((gaps[3] ?? 0) - (gaps[2] ?? 0)).toBeGreaterThan(15);
  });

  it('Z4 after an expired session a new one follows, and every call of the old one is settled', async () => {
    const proxy = await proxied();
    const rig = await connected(proxy.address);
    const { client } = rig;
    const first = rig.session.sessionId;
    const path = freshPath();
    await client.createEphemeral(path, Buffer.alloc(0));
    const other = await connected();
    proxy.hold('up', 'down');
    const calls = Promise.allSettled([client.stat('/'), client.read(path), client.write(path, Buffer.alloc(0), -1)]);
    await eventually('the session expired', async () => (await other.client.stat(path)) === undefined);
    proxy.release();
    await rig.seen('connected', 2);
    expect(rig.names).toEqual(['connected', 'disconnected', 'expired', 'connected']);
    expect(rig.session.sessionId).not.toBe(first);
    expect((await calls).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await rig.client.createEphemeral(path, Buffer.alloc(0));
    expect(await other.client.stat(path)).toMatchObject({ ephemeralOwner: rig.session.sessionId });
  });

  it('Z5 can be stopped at once after its start, while connecting and on a dead link', async () => {
    const early = await opened(inject('zookeeper'));
    await early.session.stop();

    const proxy = await proxied();
    proxy.hold('up', 'down');
    const connecting = await opened(proxy.address);
    await eventually('a connection', () => proxy.connections === 1);
    await connecting.session.stop();

    proxy.release();
    const dead = await connected(proxy.address);
    proxy.hold('up', 'down');
    const startedAt = performance.now();
    await dead.session.stop();
    expect(performance.now() - startedAt).toBeLessThan(T / 3 + SLACK);
    expect([early, connecting, dead].map((rig) => rig.session.client)).toEqual([undefined, undefined, undefined]);
  });

  it('Z5 ends its session on the server when it stops, and its ephemerals with it', async () => {
    const rig = await connected(inject('zookeeper'), 30_000);
    const other = await connected();
    const path = freshPath();
    await rig.client.createEphemeral(path, Buffer.alloc(0));
    await rig.session.stop();
    expect(await other.client.stat(path)).toBeUndefined();
  });

  it('Z6 a write or deletion on version 0 is conditional', async () => {
    const rig = await connected();
    const path = freshPath();
    await rig.client.createPersistent(path, Buffer.from('a'));
    await rig.client.write(path, Buffer.from('b'), 0);
    await expect(rig.client.write(path, Buffer.from('c'), 0)).rejects.toMatchObject({ code: 'CJ_ZK_BAD_VERSION' });
    await expect(rig.client.remove(path, 0)).rejects.toMatchObject({ code: 'CJ_ZK_BAD_VERSION' });
    expect((await rig.client.read(path))?.data.toString()).toBe('b');
  });

  it('Z7 a creation whose answer was lost is sent once and recognised as ours afterwards', async () => {
    const proxy = await proxied();
    const rig = await connected(proxy.address);
    const path = freshPath();
    const claimant = { member: 'a', incarnation: randomUUID() };
    proxy.onFrame = ({ direction, kind }) => (direction === 'down' && kind === 'create' ? 'cut' : 'forward');
    await expect(claimEphemeral(rig.client, path, claimant)).rejects.toMatchObject({ code: 'CJ_ZK_DISCONNECTED' });
    proxy.onFrame = () => 'forward';
    await rig.seen('resumed');
    expect(await claimEphemeral(rig.client, path, claimant)).toEqual({ result: 'kept' });
    expect(proxy.count('up', 'create')).toBe(1);
  });

  it('Z7 an ephemeral left by an earlier session of the same process is replaced, one of another process is not', async () => {
    const earlier = await connected(inject('zookeeper'), 30_000);
    const later = await connected();
    const path = freshPath();
    const mine = { member: 'a', incarnation: randomUUID() };
    const foreign = { member: 'a', incarnation: randomUUID() };
    await claimEphemeral(earlier.client, path, mine);
    expect(await claimEphemeral(later.client, path, foreign)).toEqual({ result: 'foreign', claimant: mine });
    expect(await claimEphemeral(later.client, path, mine)).toEqual({ result: 'created' });
    expect(await earlier.client.stat(path)).toMatchObject({ ephemeralOwner: later.session.sessionId });
  });

  it('Z8 nothing is queued while disconnected, so nothing can overtake the handshake', async () => {
    const proxy = await proxied();
    const rig = await connected(proxy.address);
    const { client } = rig;
    proxy.hold('down');
    proxy.cut();
    await rig.seen('disconnected');
    await expect(client.stat('/')).rejects.toMatchObject({ code: 'CJ_ZK_DISCONNECTED' });
    expect(rig.session.client).toBeUndefined();
    proxy.release();
    await rig.seen('resumed');
    await rig.probe.reached('heartbeat-answered', 2);
    const second = proxy.frames.filter(({ connection, direction }) => connection > 1 && direction === 'up');
    expect(second.slice(0, 2).map(({ kind }) => kind)).toEqual(['connect', 'setData']);
    expect(second.map(({ kind }) => kind)).not.toContain('exists');
  });

  it('Z8 authenticates before anything else on every connection, and closes its znodes to others', async () => {
    const proxy = await proxied();
    const rig = await connected(proxy.address, T, { auth: 'scheduler:secret' });
    const stranger = await connected();
    const path = freshPath();
    await rig.client.createPersistent(path, Buffer.from('closed'));
    proxy.cut();
    await rig.seen('resumed');
    expect((await rig.client.read(path))?.data.toString()).toBe('closed');
    await expect(stranger.client.read(path)).rejects.toMatchObject({ code: 'CJ_ZK_REFUSED' });
    await expect(stranger.client.write(path, Buffer.alloc(0), -1)).rejects.toMatchObject({ code: 'CJ_ZK_REFUSED' });
    for (const connection of [1, 2]) {
      const sent = proxy.frames.filter((frame) => frame.connection === connection && frame.direction === 'up');
      expect(sent.slice(0, 2).map(({ kind }) => kind)).toEqual(['connect', 'auth']);
    }
  });

  it('Z9 keeps its session and ephemerals over a lost connection, and says that watches are gone', async () => {
    const proxy = await proxied();
    const rig = await connected(proxy.address);
    const other = await connected();
    const path = freshPath();
    await rig.client.createEphemeral(path, Buffer.alloc(0));
    expect(await rig.client.stat(path, true)).toBeDefined();
    proxy.cut();
    await rig.seen('resumed');
    expect(await rig.client.stat(path)).toMatchObject({ ephemeralOwner: rig.session.sessionId });
    await other.client.remove(path, -1);
    await eventually('the deletion', async () => (await rig.client.stat(path)) === undefined);
    expect(rig.names).toEqual(['connected', 'disconnected', 'resumed']);
  });

  it('Z9 reports a watched change once, for each watch, however often it was asked for', async () => {
    const rig = await connected();
    const path = freshPath();
    await rig.client.stat(path, true);
    await rig.client.stat(path, true);
    await rig.client.createPersistent(path, Buffer.alloc(0));
    await rig.seen(`changed ${path}`);
    await rig.client.write(path, Buffer.from('again'), -1);
    await rig.client.stat('/');
    expect(rig.names).toEqual(['connected', `changed ${path}`]);
  });

  it('Z9 goes by the timeout that the server granted, not by the one it asked for', async () => {
    const rig = await connected(inject('zookeeper'), 100);
    expect(rig.session.timeoutMs).toBe(400);
    await rig.probe.reached('heartbeat-answered', 1);
    expect(rig.session.trustedUntil - rig.lastHeartbeat()).toBeCloseTo(800 / 3, 3);
  });

  it('Z10 gives 8-byte numbers as bigint and refuses addresses that the library would misread', async () => {
    const rig = await connected();
    const path = freshPath();
    await rig.client.createEphemeral(path, Buffer.alloc(0));
    expect((await rig.client.stat(path))?.ephemeralOwner).toBe(rig.session.sessionId);
    expect((await rig.client.stat('/'))?.ephemeralOwner).toBe(0n);
    const make = (servers: string) => () =>
      new ZooKeeperSession(
        {
          clock: systemClock,
          logger: silentLogger,
          probe: new RecordingProbe(),
          listener: { connected: () => {}, disconnected: () => {}, expired: () => {}, changed: () => {} },
        },
        { servers, sessionTimeoutMs: T, heartbeatPath: '/' },
      );
    expect(make('[::1]:2181')).toThrow(expect.objectContaining({ code: 'CJ_CONFIG_INVALID' }));
    expect(make('zk1:2181/chroot')).toThrow(expect.objectContaining({ code: 'CJ_CONFIG_INVALID' }));
  });

  it('leaves nothing behind of a connection that breaks right after its heartbeat', async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', onWarning);
    cleanups.push(async () => void process.off('warning', onWarning));
    const proxy = await proxied();
    const rig = await connected(proxy.address, 4000);
    // More than Node takes for a leak.
    for (let count = 1; count <= 12; count++) {
      await rig.probe.reached('heartbeat-answered', count);
      proxy.cut();
      await rig.seen('disconnected', count);
    }
    await rig.seen('resumed', 12);
    expect(warnings).toEqual([]);
  });

  it('survives a server that is killed and started again, with the same session', async () => {
    const rig = await connected(ensemble.connectString, 4000);
    const path = freshPath();
    await rig.client.createEphemeral(path, Buffer.alloc(0));
    const [server] = ensemble.servers;
    await server?.kill();
    await rig.seen('disconnected');
    await server?.start();
    await rig.seen('resumed');
    expect(await rig.client.stat(path)).toMatchObject({ ephemeralOwner: rig.session.sessionId });
  });
});
