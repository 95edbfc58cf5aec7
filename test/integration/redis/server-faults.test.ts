import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startRedis, type RedisServer } from '../../../scripts/servers.mjs';
import { openCommandClient } from '../../../src/store/redis/redis-clients.js';
import { aJobDefinition } from '../../support/builders.js';
import { RedisProxy } from '../../support/redis-proxy.js';
import { ask } from '../../support/redis-topologies.js';
import { eventually } from '../../support/wait.js';
import { connected, insist, storesAt, subscribing } from './rig.js';

const UNAVAILABLE = { code: 'CJ_REDIS_UNAVAILABLE' };

async function ownServer(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis({ fsync: 'always', args });
  onTestFinished(() => server.stop());
  return server;
}

it('waits for a server that loads its data, and asks it more often than once a second', async () => {
  const server = await ownServer(['--key-load-delay', '200']);
  const connection = await connected(server.url);
  await connection.send('EVAL', ["for i = 1, 20000 do redis.call('SET', 'k' .. i, i) end", 0]);
  await server.kill();
  // It answers once in a thousand keys.
  const started = server.start();
  const isLoading = (error: Error): boolean => error.message.startsWith('LOADING');
  await eventually('a server that loads', () => ask(server, 'GET', 'k1').then(() => false, isLoading));
  await expect(connection.send('GET', ['k1'])).rejects.toMatchObject(UNAVAILABLE);
  await started;
  expect(await insist(() => connection.send('GET', ['k1000']))).toBe('1000');
  // Four seconds of loading.
  const commands = String(await connection.send('INFO', ['commandstats']));
  expect(Number(/cmdstat_info:calls=(\d+)/.exec(commands)?.[1])).toBeGreaterThan(7);
});

it('looks for the master anew when a server says that it is a replica', async () => {
  const server = await ownServer();
  const connection = await connected(server.url);
  const before = await connection.send('CLIENT', ['ID']);
  await connection.send('REPLICAOF', ['127.0.0.1', 1]);
  await expect(connection.send('SET', ['a', 1])).rejects.toMatchObject({
    ...UNAVAILABLE,
    details: { reply: 'READONLY' },
  });
  expect(await insist(() => connection.send('CLIENT', ['ID']))).not.toBe(before);
  await insist(() => connection.send('REPLICAOF', ['NO', 'ONE']));
  expect(await insist(() => connection.send('SET', ['a', 1]))).toBe('OK');
});

it('says unavailable when too few replicas follow, as the server was told to', async () => {
  const server = await ownServer(['--min-replicas-to-write', '1']);
  const connection = await connected(server.url);
  await expect(connection.send('SET', ['a', 1])).rejects.toMatchObject({
    ...UNAVAILABLE,
    details: { reply: 'NOREPLICAS' },
  });
});

it('answers a write as the first time when its answer broke off and it is sent again', async () => {
  const server = await ownServer();
  const proxy = await RedisProxy.start(server.port);
  onTestFinished(() => proxy.stop());
  const stores = await storesAt(proxy.url);
  const put = (priority: number, expectedVersion?: number) =>
    stores.jobs.putJob({ key: 'shop/nightly', definition: aJobDefinition({ priority }), expectedVersion });
  await put(1);
  // The script's text may follow its hash: only the answer to the change itself is longer than this.
  proxy.onReply = ({ length }) => (length > 100 ? 40 : 'forward');
  await expect(put(2, 1)).rejects.toMatchObject({ ...UNAVAILABLE, retryable: true });
  proxy.onReply = () => 'forward';
  const repeated = await insist(() => put(2, 1));
  expect(repeated).toMatchObject({ outcome: 'changed', job: { version: 2, priority: 2 } });
  expect(await stores.jobs.getJob('shop/nightly')).toEqual(repeated.job);
});

it('sends nothing later that was refused or given up while the way to Redis was blocked', async () => {
  const server = await ownServer();
  const proxy = await RedisProxy.start(server.port);
  onTestFinished(() => proxy.stop());
  const connection = await connected(proxy.url);
  proxy.refuse();
  await expect(connection.send('INCR', ['count'])).rejects.toMatchObject(UNAVAILABLE);
  await expect(connection.send('INCR', ['count'])).rejects.toMatchObject(UNAVAILABLE);
  proxy.release();
  await insist(() => connection.send('PING', []));
  // At most the one that was on its way when the connections broke.
  expect(Number((await ask(server, 'GET', 'count')) ?? 0)).toBeLessThanOrEqual(1);
});

it('renews a subscription whose connection is dead without saying so', async () => {
  const server = await ownServer();
  const proxy = await RedisProxy.start(server.port);
  onTestFinished(() => proxy.stop());
  const pubSub = await subscribing(proxy.url);
  let gaps = 0;
  await pubSub.subscribe(
    'news',
    () => undefined,
    () => void gaps++,
  );
  proxy.hold('down');
  const checked = pubSub.check();
  await eventually('the connection to be given up', () => proxy.connections === 0, { timeoutMs: 20_000 });
  proxy.release();
  await checked;
  await eventually('the gap', () => gaps === 1);
});

describe('with rediss', () => {
  /** First byte of what a client sends: 0x16 begins a TLS handshake, anything else would be the password in clear. */
  async function firstByte(url: (port: number) => string): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const client = openCommandClient(url((server.address() as AddressInfo).port));
    onTestFinished(() => client.disconnect());
    client.on('error', () => undefined);
    client.connect().catch(() => undefined);
    const [socket] = (await once(server, 'connection')) as [Socket];
    onTestFinished(() => void socket.destroy());
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    return chunk[0] ?? 0;
  }

  it.each([
    ['one server', (port: number) => `rediss://:secret@127.0.0.1:${port}`],
    ['Sentinels', (port: number) => `rediss+sentinel://:secret@127.0.0.1:${port}/master`],
    ['a cluster', (port: number) => `rediss+cluster://:secret@127.0.0.1:${port}`],
  ])('speaks TLS with %s', async (_what, url) => {
    expect(await firstByte(url)).toBe(0x16);
  });

  it('speaks TLS with the master that a Sentinel names', () => {
    const client = openCommandClient('rediss+sentinel://127.0.0.1:1/master');
    expect(client.options).toMatchObject({ tls: {}, enableTLSForSentinelMode: true });
  });
});
