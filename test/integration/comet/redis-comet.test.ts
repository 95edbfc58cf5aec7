import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { startRedis, type RedisServer } from '../../../scripts/servers.mjs';
import type { UserRef } from '../../../src/comet/mailbox.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { MemoryNodeRegistry } from '../../../src/store/memory/memory-node-registry.js';
import { describeComet, SCENARIO_LIMITS } from '../../comet/comet-scenarios.js';
import { startCometNode, type CometNode } from '../../comet/support/comet-node.js';
import { TestWebSocket } from '../../comet/support/test-client.js';
import { eventually } from '../../support/wait.js';
import { openRedisWorld, type RedisWorld } from './redis-world.js';

describeComet('Redis', async () => {
  const world = await openRedisWorld(inject('redisUrl'), SCENARIO_LIMITS);
  return {
    registry: new MemoryNodeRegistry({ clock: systemClock }),
    mailbox: () => world.mailbox(),
    close: () => world.close(),
  };
});

const user: UserRef = { namespace: 'shop', user: 'ada' };

describe('comet when Redis has trouble', () => {
  let redis: RedisServer;
  let nodeWorld: RedisWorld;
  let senderWorld: RedisWorld;
  let node: CometNode;
  let other: CometNode;
  let clients: TestWebSocket[];

  beforeEach(async () => {
    redis = await startRedis({ fsync: 'always' });
    nodeWorld = await openRedisWorld(redis.url);
    senderWorld = await openRedisWorld(redis.url, undefined, nodeWorld.cluster);
    const registry = new MemoryNodeRegistry({ clock: systemClock });
    node = await startCometNode({ mailbox: nodeWorld.mailbox(), registry });
    other = await startCometNode({ mailbox: senderWorld.mailbox(), registry });
    clients = [];
  });

  afterEach(async () => {
    for (const client of clients) client.cut();
    await Promise.all([node.stop(), other.stop()]);
    await Promise.all([nodeWorld.close(), senderWorld.close()]);
    await redis.stop();
  });

  function connect(options: { position?: { epoch: string; seq: number } } = {}): TestWebSocket {
    const client = new TestWebSocket(node.host, { ticket: node.tickets.issue(user, 60_000).ticket, ...options });
    clients.push(client);
    return client;
  }

  const send = (key: string) =>
    other.sender.send({ ...user, users: [user.user], message: { title: key }, dedupKey: key });

  it('says openly that messages are gone when Redis has lost its data', async () => {
    const client = connect();
    await node.probe.reached('connection-live');
    await send('a');
    await client.message('a');
    const position = await client.position();
    client.cut();
    await node.probe.reached('route-removed');
    await senderWorld.connection.send('FLUSHALL', []);
    await send('b');
    const again = connect({ position });
    const ready = await again.frame('ready');
    expect(ready).toMatchObject({ recovered: false, from: 0, earliest: 1 });
    expect(ready.epoch).not.toBe(position.epoch);
    await again.message('b');
    expect(again.seqs).toEqual([1]);
  });

  it('starts a connected client over when Redis loses its data under it', async () => {
    const client = connect();
    await node.probe.reached('connection-live');
    await send('a');
    await client.message('a');
    await senderWorld.connection.send('FLUSHALL', []);
    // The route is lost as well: the next refresh brings it back; here the interrupted subscription asks for it.
    await send('b');
    await senderWorld.connection.send('CLIENT', ['KILL', 'TYPE', 'pubsub']);
    const reset = await client.frame('reset');
    expect(reset).toMatchObject({ recovered: false, from: 0 });
    await client.message('b');
    expect(await send('c')).toMatchObject([{ outcome: 'delivered' }]);
    await client.message('c');
    expect(client.seqs).toEqual([1, 1, 2]);
  });

  it('finds what was published while the subscription was interrupted', async () => {
    const client = connect();
    await node.probe.reached('connection-live');
    await node.probe.reached('routes-refreshed');
    await senderWorld.connection.send('CLIENT', ['KILL', 'TYPE', 'pubsub']);
    // Published to nobody: PUBLISH answers, but no node hears it.
    await send('a');
    await client.message('a');
    await send('b');
    await client.message('b');
    expect(client.seqs).toEqual([1, 2]);
  });

  it('keeps connections while Redis is away and goes on when it is back', async () => {
    const client = connect();
    await node.probe.reached('connection-live');
    const position = await client.position();
    await redis.kill();
    await expect(send('lost')).rejects.toMatchObject({ code: 'CJ_REDIS_UNAVAILABLE' });
    const refused = connect({ position });
    expect((await refused.closed).code).toBe(4100);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    await redis.start();
    await eventually('sending works', async () => (await send('a').catch(() => undefined)) !== undefined);
    await client.message('a');
    expect(client.keys).toEqual(['a']);
  });
});
