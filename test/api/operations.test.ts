import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jobKeyOf } from '../../src/domain/job.js';
import { epochOf, shardOfJob } from '../../src/domain/shard.js';
import { Service } from '../../src/runtime/service.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { FaultyStore } from '../support/faulty-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { eventually } from '../support/wait.js';
import { startApi, type ApiServer } from './support/api-server.js';

class Part extends Service {
  readonly name = 'part';
  isAble = true;
  protected onStart(): Promise<void> {
    return Promise.resolve();
  }
  protected onStop(): Promise<void> {
    return Promise.resolve();
  }
  protected override isReady(): boolean {
    return super.isReady() && this.isAble;
  }
  protected override details(): Record<string, unknown> {
    return { address: '10.0.0.1' };
  }
}

const part = new Part();
let api: ApiServer;
beforeEach(async () => {
  await part.start();
  part.isAble = true;
  api = await startApi({ services: [part] });
});
afterEach(() => api.stop());

describe('probes', () => {
  it('find the process ready when all its services are', async () => {
    const ready = await api.callWithoutKey.get('/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body).toEqual({ status: 'ok', services: [{ name: 'part', state: 'running', ready: true }] });
  });

  it('find it alive but not ready when one is not', async () => {
    part.isAble = false;
    const ready = await api.callWithoutKey.get('/readyz');
    expect(ready.status).toBe(503);
    expect(ready.headers['retry-after']).toBe('1');
    expect(ready.body.status).toBe('unavailable');
    expect((await api.callWithoutKey.get('/healthz')).body).toEqual({ status: 'ok' });
  });
});

describe('metrics', () => {
  it('count requests by the template of their route', async () => {
    await api.call.get('/v1/namespaces/app/jobs/secret-name');
    await api.call.get('/nowhere/secret-name');
    const metrics = await api.call.get('/metrics');
    expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(metrics.text).toContain(
      'cloudjob_http_request_seconds_count{method="GET",route="/v1/namespaces/:ns/jobs/:job",status="404"} 1',
    );
    expect(metrics.text).toContain('cloudjob_http_request_seconds_count{method="GET",route="none",status="404"} 1');
    expect(metrics.text).not.toContain('secret-name');
  });

  it('need the key unless they are opened', async () => {
    expect((await api.callWithoutKey.get('/metrics')).status).toBe(401);
    const open = await startApi({ openMetrics: true });
    expect((await open.callWithoutKey.get('/metrics')).status).toBe(200);
    expect((await open.callWithoutKey.get('/v1/cluster')).status).toBe(401);
    await open.stop();
  });
});

describe('the cluster', () => {
  it('is shown with its members, shards and what they hold', async () => {
    const { executions, registry } = api.stores;
    await registry.announce('scheduler', 'm1', { host: 'a' });
    await executions.sealFence(3, epochOf(7), 'm1');
    const cluster = await api.call.get('/v1/cluster');
    expect(cluster.body.members).toEqual([{ id: 'm1', facts: { host: 'a' }, seenAt: '2026-11-21T00:00:00.000Z' }]);
    expect(cluster.body.shards).toHaveLength(executions.shardCount);
    expect(cluster.body.shards[3]).toEqual({
      shard: 3,
      owner: 'm1',
      epoch: 7,
      since: '2026-11-21T00:00:00.000Z',
      counts: { triggers: 0, executions: 0, queued: 0, running: 0, retrying: 0 },
      lagMs: 0,
      rollback: null,
    });
    expect(cluster.body.shards[0]).toMatchObject({ owner: null, epoch: 0, since: null });
  });

  it('shows how late each shard is', async () => {
    const { stores, clock } = api;
    await api.call
      .put('/v1/namespaces/app/jobs/report')
      .send({ target: { type: 'handler', handler: 'report' }, schedule: { type: 'every', everyMs: 1000 } });
    const late = shardOfJob(jobKeyOf('app', 'report'), stores.executions.shardCount);
    const { dueAt } = await stores.executions.wakeTimes(late);
    await clock.advance((dueAt ?? NaN) + 250 - clock.now());
    const { body } = await api.call.get('/v1/cluster');
    const lags = body.shards.map(({ lagMs }: { lagMs: number }) => lagMs);
    expect(lags).toEqual(lags.map((_: number, shard: number) => (shard === late ? 250 : 0)));
  });

  it('lists its workers', async () => {
    await api.stores.registry.announce('worker', 'w1', { slots: 10 });
    const workers = await api.call.get('/v1/workers');
    expect(workers.body).toEqual({ items: [{ id: 'w1', facts: { slots: 10 }, seenAt: '2026-11-21T00:00:00.000Z' }] });
  });
});

describe('a preview', () => {
  it('lists the next fires without storing anything', async () => {
    const answer = await api.call.post('/v1/schedules/preview').send({
      schedule: { type: 'cron', expression: '30 2 * * *' },
      timeZone: 'Europe/Berlin',
      after: '2027-03-27T00:00:00Z',
      count: 3,
    });
    expect(answer.status).toBe(200);
    expect(answer.body.fires).toMatchObject([
      { at: '2027-03-27T01:30:00.000Z', local: '2027-03-27T02:30:00.000+01:00' },
      { at: '2027-03-28T01:00:00.000Z', local: '2027-03-28T03:00:00.000+02:00' },
      { at: '2027-03-29T00:30:00.000Z', local: '2027-03-29T02:30:00.000+02:00' },
    ]);
  });

  it('speaks the language that is asked for', async () => {
    const body = {
      schedule: { type: 'cron', expression: '30 2 * * *' },
      timeZone: 'Europe/Berlin',
      after: '2027-03-27T12:00:00Z',
      count: 1,
    };
    const { body: chinese } = await api.call.post('/v1/schedules/preview').send({ ...body, locale: 'zh-CN' });
    expect(chinese.description).toBe('每天 02:30（Europe/Berlin 时间）');
    expect(chinese.fires[0].note).toBe('这一天没有 02:30');
    const { body: english } = await api.call.post('/v1/schedules/preview').send(body);
    expect(english.description).toBe('At 02:30, Europe/Berlin time');
    expect(english.fires[0].note).toBe('02:30 does not exist on this day');
    const unknown = await api.call.post('/v1/schedules/preview').send({ ...body, locale: 'fr' });
    expect(unknown.status).toBe(400);
    expect(unknown.body.violations[0].field).toBe('locale');
  });

  it.each([
    [{ schedule: { type: 'cron', expression: 'x' } }, 'schedule.expression'],
    [{ schedule: { type: 'every', everyMs: 60_000 }, timeZone: 'Nowhere' }, 'timeZone'],
    [{ schedule: { type: 'every', everyMs: 60_000 }, count: 100_000 }, 'count'],
    [{}, 'schedule'],
  ])('of %j is refused', async (body, field) => {
    const answer = await api.call.post('/v1/schedules/preview').send(body);
    expect(answer.status).toBe(400);
    expect(answer.body.violations[0].field).toBe(field);
  });
});

describe('stopping the server', () => {
  it('waits for requests under way, and not for connections that carry none', async () => {
    const clock = new ManualClock();
    const stores = new MemoryStores({ clock });
    const jobs = new FaultyStore(stores.jobs, clock);
    const slow = await startApi({ stores: Object.assign(Object.create(stores) as MemoryStores, { jobs: jobs.store }) });
    const unused = connect({ host: '127.0.0.1', port: Number(new URL(slow.url).port) });
    await once(unused, 'connect');
    const unusedEnds = once(unused, 'close');
    jobs.inject('putJob', { delayMs: 1000 });
    const put = slow.call
      .put('/v1/namespaces/app/jobs/report')
      .set('connection', 'keep-alive')
      .send({ target: { type: 'handler', handler: 'report' } })
      .then((answer) => answer.status);
    await eventually('the request to reach the store', () => jobs.callsOf('putJob').length === 1);
    const stopped = slow.app.close();
    await unusedEnds;
    await clock.advance(1000);
    expect(await put).toBe(201);
    await stopped;
  });
});
