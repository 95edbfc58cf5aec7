import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES, MAX_JSON_DEPTH } from '../../src/domain/limits.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { ManualClock } from '../support/manual-clock.js';
import { FaultyStore } from '../support/faulty-store.js';
import { API_KEY, startApi, type ApiServer } from './support/api-server.js';

const path = '/v1/namespaces/app/jobs/report';
const job = { target: { type: 'handler', handler: 'report' } };

let api: ApiServer;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.stop());

const putText = (text: string, type = 'application/json') => api.call.put(path).set('content-type', type).send(text);

describe('a body', () => {
  it('that is too large is answered with 413', async () => {
    const answer = await putText(JSON.stringify({ ...job, data: 'x'.repeat(MAX_BODY_BYTES) }));
    expect(answer.status).toBe(413);
    expect(answer.body.code).toBe('CJ_PAYLOAD_TOO_LARGE');
  });

  it.each([
    ['{"target": {"type": "handler",, }}', 30],
    ['{"target": tru}', 11],
    ['{"a": 1', 7],
    ["{'a': 1}", 1],
    ['{"a": 1} x', 9],
    ['{"a": 01}', 7],
    ['{"a": "\u0001"}', 6],
    ['{"a" 1}', 5],
    ['[1, 2', 5],
    ['{"a": [1}', 8],
  ])('%j is not JSON at position %i', async (text, position) => {
    const answer = await putText(text);
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe('CJ_VALIDATION_FAILED');
    expect(answer.body.violations).toEqual([{ field: 'body', message: `is not valid JSON at position ${position}` }]);
  });

  it('nested too deeply is refused', async () => {
    const nested = (depth: number) =>
      `{"data": ${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}, "target": ${JSON.stringify(job.target)}}`;
    expect((await putText(nested(MAX_JSON_DEPTH))).status).toBe(201);
    const answer = await putText(nested(MAX_JSON_DEPTH + 1));
    expect(answer.status).toBe(400);
    expect(answer.body.violations[0].message).toContain('too deeply');
    expect((await putText('['.repeat(200_000))).status).toBe(400);
  });

  it.each([
    [
      '{"target":{"type":"handler","handler":"a"},"data":{"x":[{"__proto__":{"isAdmin":true}}]}}',
      'data.x[0].__proto__',
    ],
    ['{"__proto__":{"a":1}}', '__proto__'],
    ['{"data":{"__\\u0070roto__":1}}', 'data.__proto__'],
    ['{"data":{"constructor":{"prototype":{}}}}', 'data.constructor'],
  ])('%s is refused for its names', async (text, field) => {
    const answer = await putText(text);
    expect(answer.status).toBe(400);
    expect(answer.body.violations).toEqual([{ field, message: 'is not allowed as a name' }]);
  });

  it('may speak of constructors and prototypes in values', async () => {
    const data = { constructor: 'McLaren', about: 'the __proto__ of cars' };
    expect((await api.call.put(path).send({ ...job, data })).body.data).toEqual(data);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/xml',
    'text/calendar',
    'application/x-ndjson',
    '',
  ])('as %j is answered with 415', async (type) => {
    const answer = await putText(JSON.stringify(job), type);
    expect(answer.status).toBe(415);
    expect(answer.body.code).toBe('CJ_UNSUPPORTED_MEDIA_TYPE');
    expect((await api.call.get(path)).status).toBe(404);
  });

  it('may name its character set', async () => {
    expect((await putText(JSON.stringify(job), 'Application/JSON; charset=utf-8')).status).toBe(201);
  });
});

describe('every error', () => {
  it('carries the id of the request, which a caller may choose', async () => {
    const own = await api.call.get(path).set('x-request-id', 'trace-42');
    expect(own.headers['x-request-id']).toBe('trace-42');
    expect(own.body).toEqual({
      type: 'urn:cloudjob:error:CJ_JOB_NOT_FOUND',
      title: 'The job does not exist',
      status: 404,
      detail: 'there is no job app/report',
      instance: path,
      code: 'CJ_JOB_NOT_FOUND',
      requestId: 'trace-42',
    });
    const made = await api.call.get(path).set('x-request-id', 'a b"<script>');
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('of an unknown address is a problem document too', async () => {
    const answer = await api.call.get('/v1/nothing?key=secret');
    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({ code: 'CJ_ROUTE_NOT_FOUND', instance: '/v1/nothing' });
    expect((await api.call.delete('/healthz')).body.code).toBe('CJ_ROUTE_NOT_FOUND');
  });

  it('of an unreadable address is a problem document too', async () => {
    const send = (key: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: Number(new URL(api.url).port) });
        let text = '';
        socket.setEncoding('utf8').on('data', (part: string) => (text += part));
        socket.on('end', () => resolve(text)).on('error', reject);
        socket.write(`GET /v1/%zz HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\nconnection: close\r\n\r\n`);
      });
    expect(await send('wrong')).toContain('CJ_UNAUTHENTICATED');
    const answer = await send(API_KEY);
    expect(answer).toMatch(/^HTTP\/1\.1 400/);
    expect(answer).toContain('"code":"CJ_VALIDATION_FAILED"');
  });

  it('of our own making says nothing about the inside', async () => {
    const clock = new ManualClock();
    const stores = new MemoryStores({ clock });
    const jobs = new Proxy(stores.jobs, {
      get: () => () => Promise.reject(new TypeError('cannot read properties of redis://user:password@10.0.0.1')),
    });
    const broken = await startApi({ stores: Object.assign(Object.create(stores) as MemoryStores, { jobs }) });
    const answer = await broken.call.get(path);
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ code: 'CJ_INVARIANT', detail: 'An internal invariant does not hold' });
    expect(JSON.stringify(answer.body)).not.toContain('password');
    await broken.stop();
  });
});

describe('while the store cannot be reached', () => {
  it('nothing is accepted: 503, and what a lost answer had written is the same after a repetition', async () => {
    const clock = new ManualClock();
    const stores = new MemoryStores({ clock });
    const jobs = new FaultyStore(stores.jobs, clock);
    const executions = new FaultyStore(stores.executions, clock);
    const faulty = Object.assign(Object.create(stores) as MemoryStores, {
      jobs: jobs.store,
      executions: executions.store,
    });
    const broken = await startApi({ stores: faulty, clock });

    jobs.inject('putJob', 'before');
    const refused = await broken.call.put(path).send(job);
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.body.code).toBe('CJ_REDIS_UNAVAILABLE');
    expect(await stores.jobs.getJob('app/report')).toBeNull();

    jobs.inject('putJob', 'after');
    expect((await broken.call.put(path).send(job)).status).toBe(503);
    const repeated = await broken.call.put(path).send(job);
    expect(repeated.status).toBe(200);
    expect(repeated.body.version).toBe(1);

    executions.inject('run', 'after');
    const run = () => broken.call.post(`${path}/executions`).set('idempotency-key', 'k');
    expect((await run()).status).toBe(503);
    expect((await run()).status).toBe(201);
    expect((await broken.call.get(`${path}/executions`)).body.items).toHaveLength(1);
    await broken.stop();
  });
});
