import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY } from './support/api-server.js';
import { startWholeApp, type WholeApp } from './support/whole-app.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];

let whole: WholeApp;
beforeAll(async () => {
  whole = await startWholeApp();
});
afterAll(() => whole.stop());

const filled = (url: string) => url.replaceAll(/:\w+/g, 'x');

/** Other ways to write the address, by which a check on the text of a path has been passed elsewhere. */
function variants(path: string): string[] {
  return [
    path,
    path.toUpperCase(),
    `/${path}`,
    path.replaceAll('/', '//'),
    `${path}/`,
    `${path}?`,
    `${path};a=b`,
    `${path}%00`,
    `/.${path}`,
    `/%2e${path}`,
    `/healthz/..${path}`,
    `/healthz/%2e%2e${path}`,
    `/healthz%2f..${path}`,
    `/healthz;${path}`,
    `${path}?path=/healthz`,
    path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  ];
}

describe('without the key', () => {
  it('only these addresses answer', () => {
    const open = whole.routes.filter((route) => route.isPublic).map(({ method, url }) => `${method} ${url}`);
    expect([...new Set(open)].filter((route) => !route.startsWith('HEAD')).sort()).toEqual([
      'GET /',
      'GET /app.css',
      'GET /app.js',
      'GET /comet-client.js',
      'GET /healthz',
      'GET /icon.svg',
      'GET /readyz',
      'GET /v1/comet',
      'GET /v1/comet/inbox',
      'GET /v1/comet/nodes',
      'POST /v1/comet/ack',
    ]);
  });

  it('every other one is refused, whatever the method and however it is written', async () => {
    const guarded = whole.routes.filter((route) => !route.isPublic);
    const urls = [...new Set(guarded.map((route) => route.url))];
    expect(urls.length).toBeGreaterThan(20);
    const open = new Set(whole.routes.filter((route) => route.isPublic).map(({ method, url }) => `${method} ${url}`));
    const passed: string[] = [];
    for (const url of urls) {
      for (const method of METHODS.filter((name) => !open.has(`${name} ${url}`))) {
        for (const path of variants(filled(url))) {
          const status = await whole.status(method, path);
          if (status !== 401) passed.push(`${status} ${method} ${path}`);
        }
      }
    }
    expect(passed).toEqual([]);
  });

  it.each(['/nothing', '/v1', '/healthz/x', '/HEALTHZ', '/healthz/', '//healthz', 'http://other/v1/cluster'])(
    'so is %s, where there is nothing',
    async (path) => {
      expect(await whole.status('GET', path)).toBe(401);
      expect(await whole.status('OPTIONS', path)).toBe(401);
    },
  );

  it('the key in the query or in a cookie is no key', async () => {
    expect(await whole.status('GET', `/v1/cluster?apiKey=${API_KEY}&access_token=${API_KEY}`)).toBe(401);
    expect(await whole.status('GET', '/v1/cluster', { cookie: `apiKey=${API_KEY}` })).toBe(401);
    expect(await whole.status('GET', '/v1/cluster', { 'x-api-key': API_KEY })).toBe(401);
  });

  it('the same addresses answer with it', async () => {
    expect(await whole.status('GET', '/v1/cluster', { authorization: `Bearer ${API_KEY}` })).toBe(200);
    expect(await whole.status('GET', '/nothing', { authorization: `Bearer ${API_KEY}` })).toBe(404);
  });
});
