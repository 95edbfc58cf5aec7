import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CometConfig } from '../../src/comet/comet.service.js';
import type { Mailbox, MailboxLimits, UserRef } from '../../src/comet/mailbox.js';
import type { NodeRegistry } from '../../src/store/node-registry.js';
import { startCometNode, type CometNode } from './support/comet-node.js';
import { TestStream, TestWebSocket, type ConnectOptions } from './support/test-client.js';

export interface CometWorld {
  readonly registry: NodeRegistry;
  /** A mailbox over the same data for one more node, with `SCENARIO_LIMITS`. */
  mailbox(): Mailbox;
  close(): Promise<void>;
}

export const SCENARIO_LIMITS: MailboxLimits = { messages: 200, connections: 5 };

const user: UserRef = { namespace: 'shop', user: 'ada' };

/** What two comet nodes over one mailbox do for real sockets. */
export function describeComet(name: string, open: () => Promise<CometWorld>): void {
  describe(`comet: ${name}`, () => {
    let world: CometWorld;
    let nodes: CometNode[];
    let clients: (TestWebSocket | TestStream)[];
    let left: CometNode;
    let right: CometNode;

    beforeEach(async () => {
      nodes = [];
      clients = [];
      world = await open();
      left = await start();
      right = await start();
    });

    afterEach(async () => {
      for (const client of clients) client.cut();
      await Promise.all(nodes.map((node) => node.stop()));
      await world.close();
    });

    async function start(config: Partial<CometConfig> = {}): Promise<CometNode> {
      const node = await startCometNode({ mailbox: world.mailbox(), registry: world.registry, config });
      nodes.push(node);
      return node;
    }

    function connect(node: CometNode, options: Partial<ConnectOptions> = {}): TestWebSocket {
      const { ticket } = node.tickets.issue(user, 60_000);
      const client = new TestWebSocket(node.host, { ticket, ...options });
      clients.push(client);
      return client;
    }

    function stream(node: CometNode, query = '', headers: Record<string, string> = {}): TestStream {
      const { ticket } = node.tickets.issue(user, 60_000);
      const client = new TestStream(`http://${node.host}/v1/comet?device=tv&${query}`, {
        authorization: `Bearer ${ticket}`,
        ...headers,
      });
      clients.push(client);
      return client;
    }

    const send = (node: CometNode, key: string) =>
      node.sender.send({ ...user, users: [user.user], message: { title: key }, dedupKey: key });

    it('finds a user on whichever node the connection is', async () => {
      const client = connect(right);
      await right.probe.reached('connection-live');
      expect(await send(left, 'a')).toMatchObject([{ user: 'ada', outcome: 'delivered', seq: 1 }]);
      await client.message('a');
      expect(client.seqs).toEqual([1]);
    });

    it('stores for a user who is not there, and delivers on connecting', async () => {
      expect(await send(left, 'a')).toMatchObject([{ outcome: 'stored' }]);
      expect(await send(left, 'a')).toMatchObject([{ outcome: 'duplicate', seq: 1 }]);
      const client = connect(right);
      await client.message('a');
      expect(client.seqs).toEqual([1]);
    });

    it('gives two sockets of one user on two nodes each number once', async () => {
      const first = connect(left, { device: 'phone' });
      const second = connect(right, { device: 'tablet' });
      await left.probe.reached('connection-live');
      await right.probe.reached('connection-live');
      await Promise.all(Array.from({ length: 20 }, (_, i) => send(i % 2 === 0 ? left : right, `m${i}`)));
      await send(left, 'last');
      await Promise.all([first.message('last'), second.message('last')]);
      const all = Array.from({ length: 21 }, (_, i) => i + 1);
      expect(first.seqs).toEqual(all);
      expect(second.seqs).toEqual(all);
    });

    it('resumes on another node with nothing lost and nothing doubled', async () => {
      const before = connect(left);
      await left.probe.reached('connection-live');
      await send(right, 'a');
      await before.message('a');
      before.cut();
      await left.probe.reached('route-removed');
      await send(right, 'b');
      const after = connect(right, { position: await before.position() });
      await right.probe.reached('connection-live');
      await send(left, 'c');
      await after.message('c');
      expect(await after.frame('ready')).toMatchObject({ recovered: true, from: 1 });
      expect([...before.seqs, ...after.seqs]).toEqual([1, 2, 3]);
    });

    it('loses and doubles nothing while messages pour in and the client is cut off again and again', async () => {
      const seqs: number[] = [];
      let sent = 0;
      let client = connect(left);
      for (let round = 0; round < 6; round++) {
        const pouring = Promise.all(Array.from({ length: 10 }, () => send(left, `m${sent++}`)));
        await client.frame('ready');
        client.cut();
        await client.closed;
        seqs.push(...client.seqs);
        const position = await client.position();
        client = connect(round % 2 === 0 ? right : left, { position });
        await pouring;
      }
      await send(right, 'last');
      await client.message('last');
      seqs.push(...client.seqs);
      expect(seqs).toEqual(Array.from({ length: 61 }, (_, i) => i + 1));
    });

    it('does not take the late goodbye of an old socket for that of the new one', async () => {
      const old = connect(left, { device: 'phone' });
      await left.probe.reached('connection-live');
      const fresh = connect(right, { device: 'phone' });
      await right.probe.reached('connection-live');
      old.cut();
      await left.probe.reached('route-removed');
      expect(await send(left, 'a')).toMatchObject([{ outcome: 'delivered' }]);
      await fresh.message('a');
    });

    it('streams events, resumes by Last-Event-ID and crosses to WebSocket with the same position', async () => {
      const first = stream(left);
      await left.probe.reached('connection-live');
      await send(right, 'a');
      await first.message('a');
      const id = first.lastEventId ?? '';
      expect(id).toMatch(/^[0-9a-f]{12}:1$/);
      first.cut();
      await send(right, 'b');
      const byHeader = stream(right, '', { 'last-event-id': id });
      await byHeader.message('b');
      expect(byHeader.keys).toEqual(['b']);
      const byQuery = stream(right, `last_event_id=${id}`);
      await byQuery.message('b');
      expect(byQuery.keys).toEqual(['b']);
      const [epoch = '', seq = ''] = id.split(':');
      const socket = connect(left, { position: { epoch, seq: Number(seq) } });
      await socket.message('b');
      expect(socket.keys).toEqual(['b']);
    });

    it('takes acknowledgements of a stream on any node', async () => {
      const first = stream(left);
      await left.probe.reached('connection-live');
      await send(left, 'a');
      await first.message('a');
      const [epoch = '', seq = ''] = (first.lastEventId ?? '').split(':');
      const { ticket } = right.tickets.issue(user, 60_000);
      const ack = { type: 'ack', device: 'tv', epoch, seq: Number(seq) };
      expect(await right.service.acknowledge(ticket, ack)).toBe(true);
      expect(await right.service.acknowledge(ticket, { ...ack, seq: 2 })).toBe(false);
      const again = stream(right);
      await send(left, 'b');
      await again.message('b');
      expect(again.keys).toEqual(['b']);
    });

    it('refuses acknowledgements without a valid ticket', async () => {
      const said = { type: 'ack', device: 'tv', epoch: 'e', seq: 1 };
      await expect(left.service.acknowledge('', said)).rejects.toMatchObject({ code: 'CJ_UNAUTHENTICATED' });
    });

    it('tells the other devices what the user did', async () => {
      const phone = connect(left, { device: 'phone' });
      const tablet = connect(right, { device: 'tablet' });
      await left.probe.reached('connection-live');
      await right.probe.reached('connection-live');
      await send(left, 'a');
      await phone.message('a');
      const { epoch } = await phone.position();
      phone.say({ type: 'receipt', epoch, seq: 1, kind: 'dismissed' });
      expect(await tablet.frame('receipt')).toMatchObject({ epoch, seq: 1, kind: 'dismissed', device: 'phone' });
    });

    it('closes a connection whose ticket is not ours, with a code that says not to return', async () => {
      const client = connect(left, { ticket: 'forged.ticket' });
      expect(await client.closed).toEqual({
        code: 4001,
        reason: JSON.stringify({ reason: 'ticket-refused', reconnect: false, delayMs: 0, jitterMs: 0 }),
      });
      expect(client.received).toEqual([]);
      expect(await stream(left, '', { authorization: 'Bearer forged.ticket' }).status).toBe(401);
    });

    it('closes a connection whose ticket has expired, with another code', async () => {
      const { ticket } = left.tickets.issue(user, -1);
      expect((await connect(left, { ticket }).closed).code).toBe(4002);
    });

    it('closes a connection when its ticket ends', async () => {
      const { ticket } = left.tickets.issue(user, 1500);
      const client = connect(left, { ticket });
      await client.frame('ready');
      expect((await client.closed).code).toBe(4002);
    });

    it('refuses pages of other hosts unless they are named', async () => {
      const foreign = { headers: { origin: 'https://evil.example' } };
      await expect(connect(left, foreign).opened).rejects.toThrow('403');
      expect(await stream(left, '', foreign.headers).status).toBe(403);
      const open = await start({ allowedOrigins: ['https://evil.example'] });
      await connect(open, foreign).frame('ready');
      await connect(left, { headers: { origin: `http://${left.host}` } }).frame('ready');
    });

    it('refuses other paths and more connections than the node may hold', async () => {
      await expect(connect(left, { path: '/v1/other' }).opened).rejects.toThrow('404');
      const small = await start({ maxConnections: 1 });
      await connect(small).frame('ready');
      await expect(connect(small).opened).rejects.toThrow('503');
      expect(await stream(small).status).toBe(503);
    });

    it('refuses more connections than the user may hold, over all nodes', async () => {
      for (let i = 0; i < SCENARIO_LIMITS.connections; i++) await connect(i % 2 === 0 ? left : right).frame('ready');
      expect((await connect(right).closed).code).toBe(4104);
    });

    it('moves its connections away when it stops, and they find their messages elsewhere', async () => {
      const client = connect(left);
      await client.frame('ready');
      const stopping = left.stop();
      expect(await client.frame('moved')).toEqual({ type: 'moved', delayMs: 0 });
      const { code, reason } = await client.closed;
      expect([code, JSON.parse(reason)]).toEqual([
        4200,
        { reason: 'moved', reconnect: true, delayMs: 0, jitterMs: 1000 },
      ]);
      await stopping;
      expect(await send(right, 'a')).toMatchObject([{ outcome: 'stored' }]);
      expect(left.service.describe()).toMatchObject({ state: 'stopped', details: { connections: 0 } });
      const again = connect(right, { position: await client.position() });
      await again.message('a');
      expect(await world.registry.list('comet')).toMatchObject([
        { facts: { url: `http://${right.host}`, state: 'up' } },
      ]);
    });

    it('cuts off at stop who does not answer the goodbye', async () => {
      const client = connect(left);
      await client.frame('ready');
      client.socket.pause();
      await left.service.stop();
      const open = await new Promise<number>((resolve) => left.server.getConnections((_, number) => resolve(number)));
      expect(open).toBe(0);
    });

    it('pings, and closes who does not answer', async () => {
      const quick = await start({ timing: { helloMs: 5000, pingMs: 1000, pongMs: 1000 } });
      const mute = connect(quick, { isMute: true });
      const alive = connect(quick);
      expect((await mute.closed).code).toBe(4102);
      await alive.frame('ping');
      expect(alive.socket.readyState).toBe(alive.socket.OPEN);
    });

    it('closes a client that stops reading', async () => {
      const quick = await start({ timing: { helloMs: 5000, pingMs: 1000, pongMs: 30_000 } });
      const client = connect(quick);
      await client.frame('ready');
      client.socket.pause();
      const data = 'x'.repeat(16_000);
      for (let i = 0; (await closes(quick, '4101')) === 0; i++) {
        if (i > 3000) throw new Error('never closed');
        await quick.sender.send({ ...user, users: ['ada'], message: { title: 'big', data }, dedupKey: `big-${i}` });
      }
      expect(await closes(quick, '4101')).toBe(1);
    });

    it('counts connections, messages and resumes', async () => {
      const client = connect(left);
      await left.probe.reached('connection-live');
      await send(left, 'a');
      await client.message('a');
      const again = connect(left, { position: await client.position() });
      await again.frame('ready');
      const text = await left.metrics.expose();
      expect(text).toContain('cloudjob_comet_connections{transport="websocket"} 2');
      expect(text).toContain('cloudjob_comet_messages_total{outcome="live"} 1');
      expect(text).toContain('cloudjob_comet_messages_total{outcome="delivered"} 1');
      expect(text).toContain('cloudjob_comet_resumes_total{recovered="true"} 1');
    });

    async function closes(node: CometNode, code: string): Promise<number> {
      const { values } = await node.metrics.closes.get();
      return values.find((value) => value.labels.code === code)?.value ?? 0;
    }
  });
}
