import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { CloudJobClient, type CloudJobClientOptions } from '../../src/client/cloudjob-client.js';
import { defineJob } from '../../src/client/define-job.js';
import { ConfigError } from '../../src/domain/errors.js';
import { API_KEY, startApi } from '../api/support/api-server.js';

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

function clientOf(options: CloudJobClientOptions): CloudJobClient {
  const client = new CloudJobClient(options);
  opened.push(() => client.close());
  return client;
}

const sources: [string, () => Promise<CloudJobClientOptions>][] = [
  ['Redis', async () => ({ redis: inject('redisUrl'), cluster: `client-${randomUUID()}`, namespace: 'app' })],
  [
    'the REST API',
    async () => {
      const api = await startApi();
      opened.push(() => api.stop());
      return { url: api.url, apiKey: API_KEY, namespace: 'app' };
    },
  ],
];

describe.each(sources)('a client of %s', (_name, optionsOf) => {
  it('registers, shows, runs, pauses and lists jobs', async () => {
    const client = clientOf(await optionsOf());
    const report = defineJob('report', { schedule: { type: 'every', everyMs: 60_000 } });
    expect((await client.putJob(report.input)).version).toBe(1);
    expect((await client.describe(report)).schedule).toEqual({ type: 'every', everyMs: 60_000 });
    expect((await client.pause(report, 'why')).status.state).toBe('paused');
    expect((await client.resume('report')).status.state).toBe('active');
    const results = await client.putTriggers(report, [{ name: 'a', schedule: { type: 'every', everyMs: 1000 } }]);
    expect(results).toEqual([{ name: 'a', outcome: 'created' }]);
    const run = await client.run(report, { n: 1 });
    expect(run).toMatchObject({ state: 'queued', data: { n: 1 } });
    expect(await client.execution(run.id)).toEqual(run);
    expect((await client.executions({ job: 'report' })).items).toEqual([run]);
    await client.deleteJob(report);
    await expect(client.describe(report)).rejects.toMatchObject({ code: 'CJ_JOB_NOT_FOUND' });
  });

  it('lists a page, or everything page by page', async () => {
    const client = clientOf(await optionsOf());
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.putJob(defineJob(name).input);
    const page = await client.list({ limit: 2 });
    expect(page.items.map((job) => job.name)).toEqual(['a', 'b']);
    const names: string[] = [];
    for await (const job of client.list({ limit: 2 })) names.push(job.name);
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

describe('a client', () => {
  it('tries anew to reach a Redis that was not there', async () => {
    const client = clientOf({ redis: 'redis://127.0.0.1:1', namespace: 'app' });
    await expect(client.describe('report')).rejects.toMatchObject({ code: 'CJ_REDIS_UNAVAILABLE' });
    await expect(client.describe('report')).rejects.toMatchObject({ code: 'CJ_REDIS_UNAVAILABLE' });
  });

  it('may be closed unused and twice, and is closed then', async () => {
    const client = new CloudJobClient({ redis: inject('redisUrl') });
    await client.close();
    await client.close();
    await expect(client.describe('report')).rejects.toThrow('closed');
  });

  it.each([
    { redis: 'redis://127.0.0.1', namespace: 'a/b' },
    { url: 'nowhere', apiKey: 'k' },
    { url: 'http://127.0.0.1', apiKey: '' },
  ])('is not made from %j', (options) => {
    expect(() => new CloudJobClient(options)).toThrow(ConfigError);
  });
});
