import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCometApp, type CometApp } from './support/comet-app.js';
import { TestStream, TestWebSocket } from './support/test-client.js';

let app: CometApp;

beforeAll(async () => {
  app = await startCometApp();
});

afterAll(() => app.stop());

const users = '/v1/namespaces/shop/users';
const send = (body: object, user = 'ada') =>
  app.api.call.post('/v1/namespaces/shop/messages').send({ users: [user], message: { title: 'Hello' }, ...body });

async function ticketOf(user: string): Promise<string> {
  const answer = await app.api.call.post(`${users}/${user}/tickets`).send({});
  return (answer.body as { ticket: string }).ticket;
}

describe('messages over the API', () => {
  it('are stored for each user once and say where', async () => {
    const body = { users: ['m1', 'm2', 'm1'], dedupKey: 'welcome' };
    const first = await send(body);
    expect(first.status).toBe(200);
    expect(first.body.items).toMatchObject([
      { user: 'm1', outcome: 'stored', seq: 1 },
      { user: 'm2', outcome: 'stored', seq: 1 },
    ]);
    const again = await send(body);
    expect(again.body.items.map((item: { outcome: string }) => item.outcome)).toEqual(['duplicate', 'duplicate']);
  });

  it('take the Idempotency-Key for their key', async () => {
    await send({}, 'm3').set('idempotency-key', 'k1');
    expect((await send({}, 'm3').set('idempotency-key', 'k1')).body.items[0].outcome).toBe('duplicate');
    expect((await send({}, 'm3')).body.items[0].outcome).toBe('stored');
  });

  it.each([
    [{ users: [] }, 'users'],
    [{ users: ['a b'] }, 'users[0]'],
    [{ message: {} }, 'message.title'],
    [{ message: { title: 'x'.repeat(257) } }, 'message.title'],
    [{ message: { title: 'x', data: 'x'.repeat(16_385) } }, 'message.data'],
    [{ ttlMs: 10 }, 'ttlMs'],
    [{ other: 1 }, 'other'],
  ])('are refused with %j', async (body, field) => {
    const answer = await send(body);
    expect(answer.status).toBe(400);
    expect(answer.body.violations[0].field).toBe(field);
  });

  it('need the API key', async () => {
    const answer = await app.api.callWithoutKey.post('/v1/namespaces/shop/messages').send({});
    expect(answer.status).toBe(401);
  });
});

describe('the inbox over the API', () => {
  it('pages from the newest back and says what became of each message', async () => {
    for (const key of ['a', 'b', 'c']) await send({ dedupKey: key, message: { title: key, data: { key } } }, 'ida');
    const client = new TestWebSocket(app.host, { ticket: await ticketOf('ida') });
    await client.message('c');
    const { epoch } = await client.position();
    client.say({ type: 'ack', epoch, seq: 2 });
    client.say({ type: 'receipt', epoch, seq: 2, kind: 'displayed' });
    client.say({ type: 'receipt', epoch, seq: 1, kind: 'displayed' });
    client.say({ type: 'receipt', epoch, seq: 1, kind: 'dismissed' });
    await app.probe.reached('acknowledged');
    await client.end();
    const first = await app.api.call.get(`${users}/ida/inbox?limit=2`);
    expect(first.status).toBe(200);
    expect(first.body.items).toMatchObject([
      { seq: 3, key: 'c', epoch, title: 'c', data: { key: 'c' }, state: 'stored', isRead: false, receipts: {} },
      { seq: 2, key: 'b', state: 'displayed', isRead: true, receipts: { displayed: { device: 'phone' } } },
    ]);
    const second = await app.api.call.get(`${users}/ida/inbox?limit=2&cursor=${first.body.nextCursor}`);
    expect(second.body.items).toMatchObject([{ seq: 1, state: 'dismissed' }]);
    expect(second.body.nextCursor).toBeUndefined();
  });

  it("shows a page its own user's messages for the ticket", async () => {
    await send({ dedupKey: 'own' }, 'olga');
    const ticket = await ticketOf('olga');
    const own = await app.api.callWithoutKey.get(`/v1/comet/inbox?limit=5&ticket=${ticket}`);
    expect(own.body.items).toMatchObject([{ key: 'own', state: 'stored' }]);
    const byHeader = await app.api.callWithoutKey.get('/v1/comet/inbox').set('authorization', `Bearer ${ticket}`);
    expect(byHeader.body).toEqual(own.body);
    expect((await app.api.callWithoutKey.get('/v1/comet/inbox')).status).toBe(401);
    expect((await app.api.callWithoutKey.get(`/v1/comet/inbox?ticket=${ticket}x`)).status).toBe(401);
  });

  it('is empty for somebody unknown and refuses odd cursors', async () => {
    expect((await app.api.call.get(`${users}/nobody/inbox`)).body).toEqual({ items: [] });
    expect((await app.api.call.get(`${users}/nobody/inbox?cursor=-1`)).status).toBe(400);
    expect((await app.api.call.get(`${users}/a%20b/inbox`)).status).toBe(400);
  });
});

describe('tickets and gate over the API', () => {
  it('issue a ticket that opens a connection of that user', async () => {
    const answer = await app.api.call.post(`${users}/tia/tickets`).send({ ttlMs: 60_000 });
    expect(answer.status).toBe(201);
    expect(Date.parse(answer.body.expiresAt) - Date.now()).toBeGreaterThan(50_000);
    await send({ dedupKey: 'for-tia' }, 'tia');
    const client = new TestWebSocket(app.host, { ticket: answer.body.ticket });
    await client.message('for-tia');
    await client.end();
  });

  it('refuse lives that are too long, and callers without the key', async () => {
    expect((await app.api.call.post(`${users}/tia/tickets`).send({ ttlMs: 86_400_001 })).status).toBe(400);
    expect((await app.api.callWithoutKey.post(`${users}/tia/tickets`).send({})).status).toBe(401);
    expect((await app.api.callWithoutKey.get('/v1/gate?user=tia')).status).toBe(401);
  });

  it('name the nodes to services with a ticket, and to who has a ticket without', async () => {
    const answer = await app.api.call.get('/v1/gate?user=tia&namespace=shop');
    expect(answer.body).toMatchObject({
      nodes: [{ url: app.api.url }],
      heartbeatMs: 25_000,
      backoff: { baseMs: 500 },
    });
    const { ticket } = answer.body as { ticket: string };
    const again = await app.api.callWithoutKey.get(`/v1/comet/nodes?ticket=${ticket}`);
    expect(again.body.nodes).toEqual([{ url: app.api.url }]);
    expect((await app.api.callWithoutKey.get('/v1/comet/nodes?ticket=x.y')).status).toBe(401);
  });
});

describe('streams through the HTTP application', () => {
  it('resume by Last-Event-ID and acknowledge by POST', async () => {
    await send({ dedupKey: 's1' }, 'sam');
    const ticket = await ticketOf('sam');
    const stream = new TestStream(`${app.api.url}/v1/comet?device=tv&ticket=${ticket}`);
    await stream.message('s1');
    stream.cut();
    const [epoch = '', seq = ''] = (stream.lastEventId ?? '').split(':');
    const said = { type: 'ack', device: 'tv', epoch, seq: Number(seq) };
    const answer = await app.api.callWithoutKey.post(`/v1/comet/ack?ticket=${ticket}`).send(said);
    expect([answer.status, answer.body]).toEqual([200, { accepted: true }]);
    expect((await app.api.callWithoutKey.post('/v1/comet/ack').send(said)).status).toBe(401);
    const bad = await app.api.callWithoutKey.post(`/v1/comet/ack?ticket=${ticket}`).send({ ...said, seq: 'x' });
    expect(bad.status).toBe(400);
    await send({ dedupKey: 's2' }, 'sam');
    const again = new TestStream(`${app.api.url}/v1/comet?device=tv&ticket=${ticket}`, {
      'last-event-id': `${epoch}:${seq}`,
    });
    await again.message('s2');
    expect(again.keys).toEqual(['s2']);
    again.cut();
  });

  it('are refused without a ticket', async () => {
    expect((await app.api.callWithoutKey.get('/v1/comet')).status).toBe(401);
  });
});

describe('closing the application', () => {
  it('moves open connections away, so that the server that waits for them can end', async () => {
    const closing = await startCometApp();
    const ticket = (await closing.api.call.post(`${users}/zoe/tickets`).send({})).body.ticket as string;
    const client = new TestWebSocket(closing.host, { ticket });
    const stream = new TestStream(`${closing.api.url}/v1/comet?ticket=${ticket}`);
    await client.frame('ready');
    await stream.named('ready');
    await closing.stop();
    expect((await client.closed).code).toBe(4200);
    expect((await stream.named('close')).data).toContain('"reason":"moved"');
  });
});

describe('the page', () => {
  it.each(['/', '/app.js', '/comet-client.js', '/app.css', '/icon.svg'])(
    'serves %s to everybody, without inline code',
    async (path) => {
      const answer = await app.api.callWithoutKey.get(path);
      expect(answer.status).toBe(200);
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self';");
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      const known = await app.api.callWithoutKey.get(path).set('if-none-match', String(answer.headers['etag']));
      expect(known.status).toBe(304);
    },
  );

  it('serves nothing else', async () => {
    for (const path of ['/web/index.html', '/../package.json', '/app.js.map', '/%2e%2e/package.json']) {
      expect((await app.api.callWithoutKey.get(path)).status).toBe(401);
    }
  });
});
