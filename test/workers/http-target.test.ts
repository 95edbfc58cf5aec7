import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpCaller } from '../../src/workers/http-target.js';
import { eventually } from '../support/wait.js';
import { WorkerBench } from './worker-bench.js';

const SECRET = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let bench: WorkerBench;
let received: Received[];
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  bench = new WorkerBench();
  await bench.memory.start();
  received = [];
});

afterEach(async () => {
  await bench.close();
  for (const close of closing.splice(0)) await close();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      received.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
      answer(request, response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startWorker({ allowPrivateTargets = true } = {}): Promise<void> {
  const http = new HttpCaller({ clock: bench.clock }, { allowPrivateTargets });
  await bench.worker({}, { deps: { http } }).start();
}

/** Runs a job with this target once, and returns the record of its only attempt. */
async function attempt(target: Record<string, unknown>, fields: Record<string, unknown> = {}, data?: object) {
  const id = await bench.run('hook', { target: { type: 'http', ...target }, ...fields }, data);
  await bench.probe.reached('attempt-ended');
  return bench.record(id);
}

describe('an http target', () => {
  it('receives a signed request with the facts of the execution, and its JSON answer is the result', async () => {
    const url = await serve((_request, response) => {
      response.setHeader('content-type', 'application/json; charset=utf-8').end('{"ok":true}');
    });
    await startWorker();
    const target = { url: `${url}/hook?a=1`, signingSecret: SECRET, headers: { 'X-Team': 'billing' } };
    const record = await attempt(target, {}, { invoice: 7 });
    expect(record).toMatchObject({ state: 'succeeded', result: { status: 200, body: { ok: true } } });

    const [{ method, path, headers, body }] = received as [Received];
    expect({ method, path }).toEqual({ method: 'POST', path: '/hook?a=1' });
    const now = new Date(bench.clock.now()).toISOString();
    expect(JSON.parse(body)).toEqual({
      executionId: record.id,
      namespace: 'shop',
      job: 'hook',
      trigger: null,
      idempotencyKey: `shop/hook@${record.id}`,
      nominalAt: now,
      dueAt: now,
      firedAt: now,
      attempt: 1,
      maxAttempts: 3,
      data: { invoice: 7 },
    });
    const timestamp = String(Math.floor(bench.clock.now() / 1000));
    const key = Buffer.from('0123456789abcdef0123456789abcdef');
    const signature = createHmac('sha256', key).update(`${record.id}.${timestamp}.${body}`).digest('base64');
    expect(headers).toMatchObject({
      'webhook-id': record.id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
      'idempotency-key': `shop/hook@${record.id}`,
      'content-type': 'application/json',
      'x-team': 'billing',
    });
  });

  it('is called with the same id and a new timestamp at every attempt', async () => {
    const url = await serve((_request, response) => response.writeHead(500).end());
    await startWorker();
    const retry = { backoff: { type: 'fixed', initialMs: 5000, maxMs: 5000 } };
    expect(await attempt({ url }, { retry })).toMatchObject({ state: 'retrying', error: { message: 'answered 500' } });
    await bench.clock.advance(5000);
    await bench.leaderPass();
    await bench.probe.reached('attempt-ended', 2);
    const ids = received.map(({ headers }) => headers['webhook-id']);
    const times = received.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(ids[1]).toBe(ids[0]);
    expect(times[1]! - times[0]!).toBe(5);
  });

  it.each([
    [200, 'succeeded'],
    [204, 'succeeded'],
    [301, 'retrying'],
    [400, 'failed'],
    [401, 'failed'],
    [404, 'failed'],
    [408, 'retrying'],
    [409, 'retrying'],
    [410, 'failed'],
    [425, 'retrying'],
    [429, 'retrying'],
    [500, 'retrying'],
    [503, 'retrying'],
  ])('that answers %i leaves the execution %s', async (status, state) => {
    const url = await serve((_request, response) => response.writeHead(status).end());
    await startWorker();
    expect(await attempt({ url })).toMatchObject({ state });
  });

  it('is not followed to where it redirects', async () => {
    const url = await serve((_request, response) => response.writeHead(302, { location: '/elsewhere' }).end());
    await startWorker();
    expect(await attempt({ url })).toMatchObject({ state: 'retrying', error: { message: 'answered 302' } });
    expect(received).toHaveLength(1);
  });

  it('is asked again when it says', async () => {
    const url = await serve((_request, response) => response.writeHead(429, { 'retry-after': '30' }).end());
    await startWorker();
    const record = await attempt({ url });
    await bench.clock.advance(29_999);
    await bench.leaderPass();
    expect(await bench.record(record.id)).toMatchObject({ state: 'retrying' });
    await bench.clock.advance(1);
    await bench.leaderPass();
    await bench.probe.reached('attempt-ended', 2);
    expect(received).toHaveLength(2);
  });

  it('that explains its refusal is quoted in the error, without control characters', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(422, { 'content-type': 'text/plain' }).end('no such\r\n\u001b[31minvoice');
    });
    await startWorker();
    expect(await attempt({ url })).toMatchObject({ error: { message: 'answered 422: no such [31minvoice' } });
  });

  it('that answers without end is not read without end', async () => {
    const url = await serve((_request, response) => {
      const chunk = Buffer.alloc(65_536, 'x');
      response.setHeader('content-type', 'text/plain');
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    });
    await startWorker();
    expect(await attempt({ url })).toMatchObject({ state: 'succeeded', result: { status: 200 } });
  });

  it('that does not answer is cut off by the timeout', async () => {
    let isClosed = false;
    const url = await serve((request) => void request.socket.on('close', () => (isClosed = true)));
    await startWorker();
    const id = await bench.run('hook', { target: { type: 'http', url }, timeoutMs: 2000 });
    await eventually('the request', () => received.length === 1);
    await bench.clock.advance(2000);
    await bench.probe.reached('attempt-ended');
    expect(await bench.record(id)).toMatchObject({ state: 'retrying', error: { code: 'CJ_HANDLER_TIMEOUT' } });
    await eventually('the end of the connection', () => isClosed);
  });

  it('that does not finish its answer is cut off by the timeout', async () => {
    const url = await serve((_request, response) => void response.writeHead(200).write('so far'));
    await startWorker();
    const id = await bench.run('hook', { target: { type: 'http', url }, timeoutMs: 2000 });
    await eventually('the request', () => received.length === 1);
    await bench.clock.advance(2000);
    await bench.probe.reached('attempt-ended');
    expect(await bench.record(id)).toMatchObject({ state: 'retrying', error: { code: 'CJ_HANDLER_TIMEOUT' } });
  });

  it('that cannot be reached fails with the reason, without the query', async () => {
    const url = await serve((request) => request.socket.destroy());
    await startWorker();
    const record = await attempt({ url: `${url}/hook?key=secret` });
    expect(record).toMatchObject({ state: 'retrying', error: { message: `POST ${url}/hook: ECONNRESET` } });
  });

  it('by GET has no body', async () => {
    const url = await serve((_request, response) => response.end());
    await startWorker();
    expect(await attempt({ url, method: 'GET', signingSecret: SECRET })).toMatchObject({ state: 'succeeded' });
    expect(received[0]).toMatchObject({ method: 'GET', body: '' });
    expect(received[0]!.headers).not.toHaveProperty('content-type');
    expect(received[0]!.headers).toHaveProperty('webhook-signature');
  });

  it.each(['Host', 'Authorization', 'Transfer-Encoding', 'webhook-id', 'Proxy-Authorization', 'Cookie'])(
    'is not called with a header %s of the job',
    async (name) => {
      const url = await serve((_request, response) => response.end());
      await startWorker();
      const record = await attempt({ url, headers: { [name]: 'x' } });
      expect(record).toMatchObject({ state: 'failed', reason: 'discarded', error: { code: 'CJ_TARGET_REFUSED' } });
      expect(record.error?.message).toContain(name.toLowerCase());
      expect(received).toHaveLength(0);
    },
  );
});

describe('an http target in a private network', () => {
  it.each([
    ['a loopback address', (port: string) => `http://127.0.0.1:${port}/`],
    ['a loopback name', (port: string) => `http://localhost:${port}/`],
    ['a decimal address', (port: string) => `http://2130706433:${port}/`],
    ['a short octal address', (port: string) => `http://0177.1:${port}/`],
    ['a mapped address', (port: string) => `http://[::ffff:127.0.0.1]:${port}/`],
    ['the unspecified address', (port: string) => `http://0.0.0.0:${port}/`],
    ['the metadata address', () => 'http://169.254.169.254/latest/meta-data/'],
  ])('is not called by %s', async (_what, urlOf) => {
    const url = await serve((_request, response) => response.end());
    await startWorker({ allowPrivateTargets: false });
    const record = await attempt({ url: urlOf(new URL(url).port) });
    expect(record).toMatchObject({ state: 'failed', reason: 'discarded', error: { code: 'CJ_TARGET_REFUSED' } });
    expect(received).toHaveLength(0);
  });

  it.each(['http://1.1.1.1:22/', 'https://1.1.1.1:25/'])('is not called at the port of %s', async (url) => {
    await startWorker({ allowPrivateTargets: false });
    const record = await attempt({ url });
    expect(record).toMatchObject({ state: 'failed', error: { code: 'CJ_TARGET_REFUSED' } });
    expect(record.error?.message).toContain('port');
  });

  it('is not called with a user name in its URL', async () => {
    await startWorker();
    expect(await attempt({ url: 'http://user:pass@127.0.0.1/' })).toMatchObject({
      state: 'failed',
      error: { code: 'CJ_TARGET_REFUSED' },
    });
  });
});
