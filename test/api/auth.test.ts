import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, startApi, type ApiServer } from './support/api-server.js';

let api: ApiServer;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

describe('the key check', () => {
  it('lets in who has the key', async () => {
    const answer = await api.call.get('/v1/namespaces/billing/jobs');
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ items: [] });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    `Basic ${API_KEY}`,
    `Bearer ${API_KEY}x`,
    `Bearer ${API_KEY} x`,
    API_KEY,
  ])('refuses authorization %j', async (authorization) => {
    const call = api.callWithoutKey.get('/v1/namespaces/billing/jobs');
    const answer = await (authorization === undefined ? call : call.set('authorization', authorization));
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.body.code).toBe('CJ_UNAUTHENTICATED');
  });

  it('answers health and readiness without a key', async () => {
    expect((await api.callWithoutKey.get('/healthz')).status).toBe(200);
    expect((await api.callWithoutKey.get('/readyz')).status).toBe(200);
  });
});
