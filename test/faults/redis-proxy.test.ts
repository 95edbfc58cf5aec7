import { once } from 'node:events';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { RedisProxy, replyEnd } from '../support/redis-proxy.js';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup() {
  const proxy = await RedisProxy.start(Number(new URL(inject('redisUrl')).port));
  cleanups.push(() => proxy.stop());
  const client = new Redis(proxy.url, { maxRetriesPerRequest: 0, retryStrategy: () => 10, protocol: 2 });
  client.on('error', () => undefined);
  cleanups.push(async () => client.disconnect());
  const direct = new Redis(inject('redisUrl'));
  cleanups.push(async () => direct.disconnect());
  const key = `proxy-test:${proxy.port}`;
  cleanups.push(() => direct.del(key));
  await client.ping();
  return { proxy, client, direct, key };
}

describe('RedisProxy', () => {
  it('loses exactly the reply that it is told to lose, after the command was applied', async () => {
    const { proxy, client, direct, key } = await setup();
    proxy.onReply = () => 'swallow';
    const lost = client.incr(key).then(
      () => 'answered',
      () => 'lost',
    );
    expect(await lost).toBe('lost');
    proxy.onReply = () => 'forward';
    expect(await direct.get(key)).toBe('1');
    await new Promise<void>((resolve) =>
      client.status === 'ready' ? resolve() : client.once('ready', () => resolve()),
    );
    expect(await client.incr(key)).toBe(2);
  });

  it('breaks a connection in the middle of a reply', async () => {
    const { proxy, client, key } = await setup();
    await client.set(key, 'x'.repeat(1000));
    proxy.onReply = ({ length }) => Math.floor(length / 2);
    await expect(client.get(key)).rejects.toThrow();
  });

  it('lets nothing follow half a reply, also when its reader is slow', async () => {
    const { proxy, direct, key } = await setup();
    // Longer than what the sockets between take at once: what comes behind it waits in the proxy.
    await direct.set(key, 'x'.repeat(12_000_000));
    proxy.onReply = ({ length }) => (length > 1000 ? length - 10 : 'forward');
    const socket = connect(proxy.port, '127.0.0.1', () => socket.write(`GET ${key}\r\n${'PING\r\n'.repeat(100_000)}`));
    cleanups.push(async () => socket.destroy());
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk.toString('latin1')));
    await once(socket, 'close');
    expect(heard).toHaveLength(`$12000000\r\n`.length + 12_000_000 + 2 - 10);
  });

  it('holds one direction and delivers all of it on release, in order', async () => {
    const { proxy, client, direct, key } = await setup();
    proxy.hold('down');
    const replies = Promise.all([client.incr(key), client.incr(key)]);
    await expect.poll(() => direct.get(key)).toBe('2');
    proxy.release();
    expect(await replies).toEqual([1, 2]);
  });

  it('refuses connections until it is released', async () => {
    const { proxy, client } = await setup();
    proxy.refuse();
    await expect(client.ping()).rejects.toThrow();
    expect(proxy.connections).toBe(0);
    proxy.release();
    await new Promise<void>((resolve) => client.once('ready', () => resolve()));
    expect(await client.ping()).toBe('PONG');
  });
});

describe('replyEnd', () => {
  it.each([
    ['+OK\r\n', 5],
    ['$3\r\nabc\r\n', 9],
    ['$-1\r\n', 5],
    ['*2\r\n:1\r\n*1\r\n$1\r\na\r\n', 19],
    ['*0\r\n', 4],
    ['%1\r\n+a\r\n:1\r\n', 12],
    ['$3\r\nab', -1],
    ['*2\r\n:1\r\n', -1],
    ['+O', -1],
  ])('of %j is %i', (text, end) => {
    expect(replyEnd(Buffer.from(text), 0)).toBe(end);
    if (end !== -1) expect(replyEnd(Buffer.from(`${text}+next\r\n`), 0)).toBe(end);
  });
});
