import { Redis } from 'ioredis';
import { inject, describe, expect, it, onTestFinished } from 'vitest';
import { startRedis, type RedisServer } from '../../../scripts/servers.mjs';
import type { Clock } from '../../../src/runtime/clock.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { RedisConnection } from '../../../src/store/redis/connection.js';
import { RedisPubSub } from '../../../src/store/redis/pub-sub.js';
import { ScriptRunner } from '../../../src/store/redis/script-runner.js';
import { SCRIPT_FOLDER } from '../../../src/store/redis/script-manifest.js';
import type { RedisSource } from '../../../src/store/redis/redis-clients.js';
import { listening } from '../../support/listening.js';
import { ManualClock } from '../../support/manual-clock.js';
import { RedisProxy } from '../../support/redis-proxy.js';
import { eventually } from '../../support/wait.js';
import { serverChanges } from '../redis/rig.js';

const UNAVAILABLE = { code: 'CJ_REDIS_UNAVAILABLE' };

async function connected(source: RedisSource) {
  const metrics = new Metrics();
  const connection = new RedisConnection({ clock: systemClock, logger: silentLogger, metrics }, { source });
  await connection.start();
  onTestFinished(() => connection.stop());
  const errors = async (code: string) =>
    (await metrics.storeErrors.get()).values.find(({ labels }) => labels.code === code)?.value ?? 0;
  return { connection, metrics, errors };
}

/** `seen` are its warnings: failed attempts. */
function unconnected(source: RedisSource, clock: Clock) {
  const seen: string[] = [];
  const logger = { ...silentLogger, warn: (event: string) => void seen.push(event) };
  const connection = new RedisConnection({ clock, logger, metrics: new Metrics() }, { source });
  onTestFinished(() => connection.stop());
  return { connection, seen };
}

async function ownServer(): Promise<RedisServer> {
  const server = await startRedis({ fsync: 'always' });
  onTestFinished(() => server.stop());
  return server;
}

describe('the connection', () => {
  it('cannot be started where nobody answers for ten seconds, and says what failed', async () => {
    const server = await startRedis();
    await server.stop();
    const clock = new ManualClock();
    const { connection, seen } = unconnected(server.url, clock);
    const starting = connection.start();
    let isOver = false;
    const end = (): void => void (isOver = true);
    starting.then(end, end);
    await eventually('a second attempt', () => seen.length >= 2);
    await clock.advance(9999);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await expect(starting).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('is made as soon as a server that was not there when it was started answers', async () => {
    const server = await startRedis();
    await server.kill();
    const { connection, seen } = unconnected(server.url, systemClock);
    const starting = connection.start();
    await eventually('a failed attempt', () => seen.length >= 1);
    await server.start();
    onTestFinished(() => server.stop());
    await starting;
    await expect(connection.send('PING', [])).resolves.toBe('PONG');
  });

  it('is not waited for where the server refuses the password', async () => {
    const server = await ownServer();
    const { connection } = await connected(server.url);
    await connection.send('CONFIG', ['SET', 'requirepass', 'secret']);
    const { connection: refused } = unconnected(server.url.replace('//', '//:wrong@'), new ManualClock());
    await expect(refused.start()).rejects.toMatchObject({ code: 'CJ_REDIS_REFUSED' });
  });

  it('refuses commands while Redis is away, sends none of them later, and works again after its return', async () => {
    const server = await ownServer();
    const { connection, errors } = await connected(server.url);
    await connection.send('SET', ['kept', 1]);
    await server.kill();
    await expect(connection.send('INCR', ['kept'])).rejects.toMatchObject(UNAVAILABLE);
    expect(await errors('CJ_REDIS_UNAVAILABLE')).toBeGreaterThan(0);
    await eventually('the loss is seen', () => !connection.describe().ready);
    await server.start();
    await eventually('the connection stands again', () => connection.describe().ready);
    await expect(connection.send('INCR', ['kept'])).resolves.toBe(2);
  });

  it('says when another server answers than before, and not when it was only interrupted', async () => {
    const server = await ownServer();
    const proxy = await RedisProxy.start(server.port);
    onTestFinished(() => proxy.stop());
    const { connection, metrics } = await connected(proxy.url);
    // Answered after what the connection has asked first, here and below.
    await connection.send('PING', []);
    const before = connection.interruptionCount;
    proxy.cut();
    await eventually('the interruption', () => connection.interruptionCount > before);
    await eventually('the connection stands again', () => connection.describe().ready);
    await connection.send('PING', []);
    expect(await serverChanges(metrics)).toBe(0);
    await server.kill();
    await server.start();
    await eventually('the change', async () => (await serverChanges(metrics)) === 1);
  });

  it('gives up on a server that is silent', async () => {
    const server = await ownServer();
    const { connection, errors } = await connected(server.url);
    server.signal('SIGSTOP');
    const waiting = connection.send('PING', []);
    await expect(waiting).rejects.toMatchObject({ code: 'CJ_REDIS_TIMEOUT' });
    expect(await errors('CJ_REDIS_TIMEOUT')).toBe(1);
    server.signal('SIGCONT');
    await eventually('an answer', async () => (await connection.send('PING', [])) === 'PONG');
  });

  it('is made anew soon after the first command was given up', async () => {
    const server = await ownServer();
    const proxy = await RedisProxy.start(server.port);
    onTestFinished(() => proxy.stop());
    const { connection } = await connected(proxy.url);
    const before = connection.interruptionCount;
    proxy.hold('up', 'down');
    await expect(connection.send('PING', [])).rejects.toMatchObject({ code: 'CJ_REDIS_TIMEOUT' });
    await eventually('the end of the connection', () => connection.interruptionCount > before, { timeoutMs: 3000 });
    proxy.release();
    await eventually('an answer', async () => (await connection.send('PING', [])) === 'PONG');
  });

  it('says unavailable for a server that is out of memory, and nothing was written', async () => {
    const server = await ownServer();
    const { connection } = await connected(server.url);
    await connection.send('CONFIG', ['SET', 'maxmemory', 1]);
    const scripts = new ScriptRunner({ connection }, { folder: SCRIPT_FOLDER, names: ['put_job', 'run'] });
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `{x}${name}`);
    const put = scripts.run('put_job', keys, ['ns/job', '', '{}', 'l 100|1|1|1', 'wake', '', 0, 't', 'e1', 0, 1]);
    await expect(put).rejects.toMatchObject({ ...UNAVAILABLE, details: { reply: 'OOM' } });
    expect(await connection.send('DBSIZE', [])).toBe(0);
  });

  it('says unavailable for a replica, and refused for a wrong password', async () => {
    const server = await ownServer();
    const { connection } = await connected(server.url);
    await connection.send('CONFIG', ['SET', 'requirepass', 'secret']);
    const wrong = connected(server.url.replace('//', '//:wrong@'));
    await expect(wrong).rejects.toMatchObject({ code: 'CJ_REDIS_REFUSED' });
    const right = await connected(server.url.replace('//', '//:secret@'));
    expect(await right.connection.send('PING', [])).toBe('PONG');
    expect(right.connection.address).not.toContain('secret');
    await connection.send('REPLICAOF', ['127.0.0.1', 1]);
    await expect(connection.send('SET', ['a', 1])).rejects.toMatchObject(UNAVAILABLE);
  });

  it('takes a bug in a command for what it is', async () => {
    const { connection } = await connected(inject('redisUrl'));
    await expect(connection.send('EVAL', ['return nil + 1', 0])).rejects.toMatchObject({ code: 'CJ_INVARIANT' });
  });

  it('takes options, and a client of the caller, which it neither uses nor closes', async () => {
    const { hostname, port } = new URL(inject('redisUrl'));
    const { connection } = await connected({ host: hostname, port: Number(port), keyPrefix: 'never:' });
    await connection.send('SET', [`options-${port}`, 1, 'EX', 60]);
    const client = new Redis(inject('redisUrl'), { lazyConnect: true, maxRetriesPerRequest: null });
    onTestFinished(() => client.disconnect());
    const { connection: duplicated } = await connected(client);
    expect(await duplicated.send('GET', [`options-${port}`])).toBe('1');
    expect(client.status).toBe('wait');
    await client.connect();
    await duplicated.stop();
    expect(await client.ping()).toBe('PONG');
  });

  it.each(['http://x', 'redis://a,b', 'redis+sentinel://a:1', 'redis://a/x', 'redis+cluster://a:b', ''])(
    'refuses the URL "%s"',
    (url) => {
      const open = () =>
        new RedisConnection({ clock: systemClock, logger: silentLogger, metrics: new Metrics() }, { source: url });
      expect(open).toThrow(expect.objectContaining({ code: 'CJ_CONFIG_INVALID' }));
    },
  );
});

describe('the script runner', () => {
  it('brings a script to a server that has forgotten it', async () => {
    const server = await ownServer();
    const { connection } = await connected(server.url);
    const scripts = new ScriptRunner({ connection }, { folder: SCRIPT_FOLDER, names: ['raise_fence'] });
    expect(await scripts.run('raise_fence', ['fence'], ['a', 0])).toBe(1);
    await connection.send('SCRIPT', ['FLUSH']);
    expect(await scripts.run('raise_fence', ['fence'], ['a', 0])).toBe(2);
  });
});

describe('subscriptions', () => {
  it('stand again after an interruption, and tell every subscriber of the gap', async () => {
    const server = await ownServer();
    const { connection } = await connected(server.url);
    const pubSub = new RedisPubSub({ clock: systemClock, logger: silentLogger }, { source: server.url });
    await pubSub.start();
    onTestFinished(() => pubSub.stop());
    const news = await listening(pubSub, 'news');
    await connection.send('PUBLISH', ['news', 'first']);
    await eventually('the first message', () => news.heard.length === 1);
    await server.kill();
    await server.start();
    await eventually('the gap', () => news.gaps === 1);
    await eventually('the connection', () => connection.describe().ready);
    await connection.send('PUBLISH', ['news', 'second']);
    await eventually('the second message', () => news.heard.length === 2);
    expect(news.heard).toEqual(['first', 'second']);
  });

  it('are renewed over one more connection where the server does not say that they stand', async () => {
    const server = await ownServer();
    const { connection } = await connected(server.url);
    const proxy = await RedisProxy.start(server.port);
    onTestFinished(() => proxy.stop());
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (event: string) => void warnings.push(event) };
    const pubSub = new RedisPubSub({ clock: systemClock, logger }, { source: proxy.url });
    await pubSub.start();
    onTestFinished(() => pubSub.stop());
    const news = await listening(pubSub, 'news');
    // The long reply is that to INFO: the client takes the connection for ready, and hears nothing from then on.
    proxy.onReply = ({ length }) => {
      if (length > 1000) proxy.hold('down');
      return 'forward';
    };
    proxy.cut();
    await eventually('the renewal is given up', () => warnings.includes('subscriptions-not-renewed'));
    expect(news.gaps).toBe(0);
    proxy.onReply = () => 'forward';
    proxy.release();
    await eventually('the gap', () => news.gaps > 0);
    await connection.send('PUBLISH', ['news', 'after']);
    await eventually('the message', () => news.heard.includes('after'));
  });

  it('serve several listeners of one channel, also when one of them fails or leaves', async () => {
    const { connection } = await connected(inject('redisUrl'));
    const pubSub = new RedisPubSub({ clock: systemClock, logger: silentLogger }, { source: inject('redisUrl') });
    await pubSub.start();
    onTestFinished(() => pubSub.stop());
    const heard: string[] = [];
    const channel = `several-${performance.now()}`;
    await pubSub.subscribe(channel, () => {
      throw new Error('a listener with a bug');
    });
    const leave = await pubSub.subscribe(channel, (text) => void heard.push(`b ${text}`));
    await pubSub.subscribe(channel, (text) => void heard.push(`c ${text}`));
    await connection.send('PUBLISH', [channel, '1']);
    await eventually('both', () => heard.length === 2);
    await leave();
    await leave();
    await connection.send('PUBLISH', [channel, '2']);
    await eventually('the one that stayed', () => heard.length === 3);
    expect(heard).toEqual(['b 1', 'c 1', 'c 2']);
  });
});
