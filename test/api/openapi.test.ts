import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY } from './support/api-server.js';
import { startWholeApp, type WholeApp } from './support/whole-app.js';

interface Operation {
  summary?: string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
  security?: object[];
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

let whole: WholeApp;
let document: Document;
const call = () => request.agent(whole.app.getHttpServer()).set('authorization', `Bearer ${API_KEY}`);

beforeAll(async () => {
  whole = await startWholeApp();
  document = (await call().get('/openapi.json')).body as Document;
});
afterAll(() => whole.stop());

/** Static files of the page, and the document itself. */
const UNDOCUMENTED = ['/', '/app.css', '/app.js', '/comet-client.js', '/icon.svg', '/openapi.json'];

describe('the OpenAPI document', () => {
  it('needs the key', async () => {
    expect(await whole.status('GET', '/openapi.json')).toBe(401);
  });

  it('is OpenAPI 3.1 and describes every route, and nothing else', () => {
    expect(document.openapi).toBe('3.1.0');
    const served = whole.routes
      .filter((route) => route.method !== 'HEAD' && !UNDOCUMENTED.includes(route.url))
      .map((route) => `${route.method} ${route.url.replaceAll(/:(\w+)/g, '{$1}')}`);
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual([...new Set(served)].sort());
  });

  it('has a summary, an answer, the problem document and the parameters of the path for each', () => {
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const where = `${method} ${path}`;
        expect(operation.summary, where).toBeTruthy();
        expect(
          Object.keys(operation.responses).some((status) => /^[23]/.test(status)),
          where,
        ).toBe(true);
        expect(Object.keys(operation.responses['default']?.content ?? {}), where).toEqual(['application/problem+json']);
        const names = (operation.parameters ?? []).filter((p) => p.in === 'path').map((p) => `{${p.name}}`);
        expect(names.sort(), where).toEqual([...path.matchAll(/\{\w+\}/g)].map((match) => match[0]).sort());
      }
    }
  });

  it('asks for the key wherever the server does', () => {
    const open = new Set(whole.routes.filter((route) => route.isPublic).map((route) => route.url));
    for (const [path, item] of Object.entries(document.paths)) {
      for (const operation of Object.values(item)) {
        expect(operation.security, path).toEqual(open.has(path) ? [] : [{ key: [] }]);
      }
    }
  });

  it('names the media type of a body that is not JSON', () => {
    const path = '/v1/namespaces/{ns}/jobs/{job}/triggers/import';
    const body = document.paths[path]?.['post']?.requestBody;
    expect(Object.keys(body?.content ?? {})).toEqual(['application/x-ndjson']);
  });

  it('has no reference to nowhere', () => {
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      expect(Object.keys(document.components.schemas)).toContain(name);
    }
    expect([...text.matchAll(/"\$ref":"(?!#\/components\/schemas\/)/g)]).toEqual([]);
  });
});

describe('real answers', () => {
  const base = '/v1/namespaces/app/jobs/report';

  /** Sends the request and holds the answer against what the document says about it. */
  async function checked(method: 'get' | 'put' | 'post' | 'patch', path: string, template: string, body?: object) {
    const answer = await (body === undefined ? call()[method](path) : call()[method](path).send(body));
    const responses = document.paths[template]?.[method]?.responses ?? {};
    const described = responses[answer.status] ?? (answer.status >= 400 ? responses['default'] : undefined);
    const type = answer.headers['content-type']?.split(';')[0] ?? '';
    const schema = described?.content?.[type]?.schema;
    expect(schema, `${method} ${template} ${answer.status} ${type}`).toBeDefined();
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    const validate = ajv.compile({ ...schema, components: document.components });
    expect(validate(answer.body) ? [] : validate.errors, JSON.stringify(answer.body)).toEqual([]);
    return answer;
  }

  it('are as described', async () => {
    const ns = '/v1/namespaces/{ns}';
    const job = {
      target: { type: 'handler', handler: 'report' },
      data: { deep: [1, { a: null }] },
      schedule: { type: 'every', everyMs: 60_000 },
      startAt: '2026-12-01T00:00:00Z',
    };
    await checked('put', base, `${ns}/jobs/{job}`, job);
    await checked('get', base, `${ns}/jobs/{job}`);
    await checked('post', `${base}/pause`, `${ns}/jobs/{job}/pause`, { reason: 'x' });
    await checked('patch', base, `${ns}/jobs/{job}`, { labels: { a: 'b' } });
    await checked('get', '/v1/namespaces/app/jobs', `${ns}/jobs`);
    const trigger = { schedule: { type: 'at', at: '2027-01-01T00:00:00Z' }, overlap: 'allow' };
    await checked('put', `${base}/triggers/t`, `${ns}/jobs/{job}/triggers/{trigger}`, trigger);
    await checked('get', `${base}/triggers`, `${ns}/jobs/{job}/triggers`);
    const run = await checked('post', `${base}/executions`, `${ns}/jobs/{job}/executions`, { data: 1 });
    await checked('post', `/v1/namespaces/app/executions/${run.body.id}/cancel`, `${ns}/executions/{id}/cancel`);
    await checked('get', `/v1/namespaces/app/executions/${run.body.id}`, `${ns}/executions/{id}`);
    await checked('get', `${base}/executions`, `${ns}/jobs/{job}/executions`);
    await checked('post', '/v1/schedules/preview', '/v1/schedules/preview', { schedule: job.schedule });
    await checked('get', '/v1/cluster', '/v1/cluster');
    await checked('get', '/v1/workers', '/v1/workers');
    await checked('get', '/healthz', '/healthz');
    await checked('get', '/readyz', '/readyz');
    expect((await checked('put', base, `${ns}/jobs/{job}`, { target: {} })).status).toBe(400);
    expect((await checked('get', `${base}x`, `${ns}/jobs/{job}`)).status).toBe(404);
  });

  it('bodies that are accepted fit the described ones', () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const validate = ajv.compile({ $ref: '#/components/schemas/JobInput', components: document.components });
    expect(validate({ target: { type: 'handler', handler: 'a' } })).toBe(true);
    expect(validate({ target: { type: 'handler', handler: 'a' }, cron: '* * * * *' })).toBe(false);
  });
});
