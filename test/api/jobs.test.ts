import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type ApiServer } from './support/api-server.js';

const jobs = '/v1/namespaces/billing/jobs';
const path = `${jobs}/nightly`;
const nightly = {
  target: { type: 'handler', handler: 'billing.nightly' },
  schedule: { type: 'cron', expression: '0 0 2 ? * MON-FRI', dialect: 'quartz' },
  timeZone: 'America/New_York',
  labels: { team: 'billing' },
};

let api: ApiServer;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.stop());

describe('putting a job', () => {
  it('creates it with its inline schedule, defaults and next fire', async () => {
    const put = await api.call.put(path).send(nightly);
    expect(put.status).toBe(201);
    expect(put.headers['etag']).toBe('"1"');
    expect(put.body).toEqual({
      namespace: 'billing',
      name: 'nightly',
      target: { type: 'handler', handler: 'billing.nightly' },
      schedule: nightly.schedule,
      timeZone: 'America/New_York',
      queue: 'default',
      priority: 0,
      misfire: { policy: 'fireOnce', graceMs: 60_000, maxAgeMs: 86_400_000, maxCount: 100 },
      overlap: 'skip',
      retry: { maxAttempts: 3, backoff: { type: 'exponential', initialMs: 1000, maxMs: 60_000 } },
      timeoutMs: 600_000,
      retention: { succeededMs: 86_400_000, failedMs: 604_800_000 },
      labels: { team: 'billing' },
      version: 1,
      createdAt: '2026-11-21T00:00:00.000Z',
      updatedAt: '2026-11-21T00:00:00.000Z',
      // A Saturday: the next weekday is Monday, at two in New York.
      status: { state: 'active', nextAt: '2026-11-23T07:00:00.000Z', triggerCount: 1 },
    });
    expect((await api.call.get(path)).body).toEqual(put.body);
  });

  it('changes nothing when the same is put again', async () => {
    const first = await api.call.put(path).send(nightly);
    await api.clock.advance(60_000);
    const again = await api.call.put(path).send(nightly);
    expect(again.status).toBe(200);
    expect(again.headers['cloudjob-outcome']).toBe('unchanged');
    expect(again.body).toEqual(first.body);
  });

  it('takes back what a get showed', async () => {
    const first = await api.call.put(path).send(nightly);
    const again = await api.call.put(path).send(first.body);
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first.body);
  });

  it('replaces it as a whole: without a schedule the inline one is removed', async () => {
    await api.call.put(path).send(nightly);
    const put = await api.call.put(path).send({ target: nightly.target });
    expect(put.status).toBe(200);
    expect(put.body).toMatchObject({ version: 2, labels: {}, timeZone: 'UTC' });
    expect(put.body.schedule).toBeUndefined();
    expect(put.body.status).toEqual({ state: 'active', triggerCount: 0 });
    expect((await api.call.get(`${path}/triggers/default`)).status).toBe(404);
  });

  it('gives the job a new version when only its inline schedule changes', async () => {
    await api.call.put(path).send(nightly);
    const put = await api.call.put(path).send({ ...nightly, schedule: { type: 'every', everyMs: 60_000 } });
    expect(put.headers['etag']).toBe('"2"');
    expect(put.body.status.nextAt).toBe('2026-11-21T00:01:00.000Z');
  });

  it('may repeat a one-shot after it is over', async () => {
    const once = { target: nightly.target, schedule: { type: 'at', at: '2026-11-21T00:10:00Z' } };
    await api.call.put(path).send(once);
    await api.clock.advance(3_600_000);
    const again = await api.call.put(path).send(once);
    expect(again.status).toBe(200);
    expect(again.body.version).toBe(1);
  });

  it('keeps an inline schedule paused that was paused', async () => {
    await api.call.put(path).send(nightly);
    await api.call.post(`${path}/triggers/default/pause`);
    const again = await api.call.put(path).send(nightly);
    expect(again.body.status.nextAt).toBeUndefined();
    expect((await api.call.get(`${path}/triggers/default`)).body.status.state).toBe('paused');
  });

  it('does not show the signing secret, and keeps it when the mask is written back', async () => {
    const signingSecret = `whsec_${'A'.repeat(32)}`;
    const target = { type: 'http', url: 'https://example.com/hook', signingSecret };
    const put = await api.call.put(path).send({ target });
    expect(JSON.stringify(put.body)).not.toContain(signingSecret);
    await api.call.put(path).send({ ...put.body, priority: 7 });
    const stored = await api.stores.jobs.getJob('billing/nightly');
    expect(stored).toMatchObject({ priority: 7, target: { signingSecret } });
    const other = await api.call.put(`${jobs}/other`).send({ target: put.body.target });
    expect(other.status).toBe(400);
    expect(other.body.violations[0].field).toBe('target.signingSecret');
  });
});

describe('what is wrong with a job', () => {
  const target = nightly.target;
  it.each([
    ['an impossible date', { target, schedule: { type: 'cron', expression: '0 0 31 2 *' } }, 'schedule.expression'],
    [
      'an unreadable expression',
      { target, schedule: { type: 'cron', expression: '61 * * * *' } },
      'schedule.expression',
    ],
    [
      'a numeric weekday without a dialect',
      { target, schedule: { type: 'cron', expression: '0 0 2 * * 1' } },
      'schedule.expression',
    ],
    ['an instant in the past', { target, schedule: { type: 'at', at: '2020-01-01T00:00:00Z' } }, 'schedule'],
    ['an unknown zone', { ...nightly, timeZone: 'Mars/Olympus' }, 'timeZone'],
    ['an unknown zone without a schedule', { target, timeZone: 'Mars/Olympus' }, 'timeZone'],
    [
      'an end before the start',
      { ...nightly, startAt: '2027-01-02T00:00:00Z', endAt: '2027-01-01T00:00:00Z' },
      'endAt',
    ],
    ['a jitter without a schedule', { target, jitterMs: 1000 }, 'jitterMs'],
    ['an unknown field', { target, cron: '* * * * *' }, 'cron'],
    ['no target', { schedule: nightly.schedule }, 'target'],
    ['an unknown target', { target: { type: 'mail' } }, 'target.type'],
    ['another name than the address', { ...nightly, name: 'weekly' }, 'name'],
    ['a list', [nightly], 'body'],
    ['nothing', undefined, 'body'],
  ])('%s is refused with the field, and nothing is written', async (_what, body, field) => {
    const put = await api.call.put(path).send(body);
    expect(put.status).toBe(400);
    expect(put.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(put.body).toMatchObject({ status: 400, instance: path });
    expect(put.body.type).toBe(`urn:cloudjob:error:${put.body.code}`);
    expect(put.body.violations.map((v: { field: string }) => v.field)).toContain(field);
    expect((await api.call.get(path)).body.code).toBe('CJ_JOB_NOT_FOUND');
    expect((await api.call.get(jobs)).body.items).toEqual([]);
  });

  it('leaves the stored job as it was', async () => {
    const first = await api.call.put(path).send(nightly);
    const bad = await api.call.put(path).send({ ...nightly, priority: 5, timeZone: 'Mars/Olympus' });
    expect(bad.status).toBe(400);
    expect((await api.call.get(path)).body).toEqual(first.body);
  });

  it.each(['a%2Fb', '%00', 'a%20b', 'x'.repeat(129)])('the name %s is refused', async (name) => {
    const put = await api.call.put(`${jobs}/${name}`).send(nightly);
    expect(put.status).toBe(400);
  });
});

describe('a conditional write', () => {
  it('is made only over the version that was read', async () => {
    await api.call.put(path).send(nightly);
    const changed = await api.call
      .put(path)
      .set('if-match', '"1"')
      .send({ ...nightly, priority: 1 });
    expect(changed.status).toBe(200);
    expect(changed.headers['etag']).toBe('"2"');
    const stale = await api.call
      .put(path)
      .set('if-match', '"1"')
      .send({ ...nightly, priority: 2 });
    expect(stale.status).toBe(412);
    expect(stale.body.code).toBe('CJ_VERSION_CONFLICT');
    expect((await api.call.get(path)).body.priority).toBe(1);
  });

  it('creates only where nothing exists with If-None-Match: *', async () => {
    const put = () => api.call.put(path).set('if-none-match', '*').send(nightly);
    expect((await put()).status).toBe(201);
    expect((await put()).status).toBe(412);
  });

  it('holds for patch and delete too', async () => {
    await api.call.put(path).send(nightly);
    expect((await api.call.patch(path).set('if-match', '"9"').send({ priority: 1 })).status).toBe(412);
    expect((await api.call.delete(path).set('if-match', '"9"')).status).toBe(412);
    expect((await api.call.delete(path).set('if-match', '"1"')).status).toBe(204);
  });

  it.each([
    ['if-match', '1', 400],
    ['if-match', '"1", "2"', 400],
    ['if-match', '"abc"', 412],
    ['if-none-match', '"1"', 400],
  ])('%s: %s is answered with %i', async (header, value, status) => {
    await api.call.put(path).send(nightly);
    const put = await api.call
      .put(path)
      .set(header, value)
      .send({ ...nightly, priority: 1 });
    expect(put.status).toBe(status);
    expect((await api.call.get(path)).body.version).toBe(1);
  });
});

describe('a merge patch', () => {
  it('changes what it names and removes what is null', async () => {
    await api.call.put(path).send({ ...nightly, data: { a: 1, b: 2 } });
    const patch = await api.call
      .patch(path)
      .set('content-type', 'application/merge-patch+json')
      .send(JSON.stringify({ data: { a: null, c: 3 }, labels: null, misfire: { graceMs: 5000 } }));
    expect(patch.status).toBe(200);
    expect(patch.body).toMatchObject({ data: { b: 2, c: 3 }, labels: {}, version: 2, schedule: nightly.schedule });
    expect(patch.body.misfire).toEqual({ policy: 'fireOnce', graceMs: 5000, maxAgeMs: 86_400_000, maxCount: 100 });
  });

  it('removes the inline schedule with null', async () => {
    await api.call.put(path).send(nightly);
    const patch = await api.call.patch(path).send({ schedule: null });
    expect(patch.body.schedule).toBeUndefined();
    expect(patch.body.status.triggerCount).toBe(0);
  });

  it('is checked like a put', async () => {
    await api.call.put(path).send(nightly);
    const patch = await api.call.patch(path).send({ schedule: { expression: 'never' } });
    expect(patch.status).toBe(400);
    expect(patch.body.violations[0].field).toBe('schedule.expression');
    expect((await api.call.patch(path).send([])).status).toBe(400);
    expect((await api.call.patch(`${jobs}/nobody`).send({})).status).toBe(404);
    expect((await api.call.get(path)).body.version).toBe(1);
  });
});

describe('pausing', () => {
  it('shows since when and why, and ends with resume', async () => {
    await api.call.put(path).send(nightly);
    const paused = await api.call.post(`${path}/pause`).send({ reason: 'migration' });
    expect(paused.status).toBe(200);
    expect(paused.body.status).toEqual({
      state: 'paused',
      triggerCount: 1,
      pause: { since: '2026-11-21T00:00:00.000Z', reason: 'migration' },
    });
    expect((await api.call.get(jobs).query({ state: 'paused' })).body.items).toHaveLength(1);
    const resumed = await api.call.post(`${path}/resume`);
    expect(resumed.body.status.state).toBe('active');
    expect((await api.call.get(jobs).query({ state: 'paused' })).body.items).toEqual([]);
  });

  it('needs no body, and a job', async () => {
    await api.call.put(path).send(nightly);
    expect((await api.call.post(`${path}/pause`)).status).toBe(200);
    expect((await api.call.post(`${jobs}/nobody/pause`)).status).toBe(404);
  });
});

describe('a list of jobs', () => {
  beforeEach(async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await api.call
        .put(`${jobs}/${name}`)
        .send({ target: nightly.target, labels: { odd: name === 'b' ? 'no' : 'yes' } });
    }
  });

  it('comes in pages by name', async () => {
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await api.call.get(jobs).query({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.body.items.length).toBeLessThanOrEqual(2);
      names.push(...page.body.items.map((job: { name: string }) => job.name));
      cursor = page.body.nextCursor;
    } while (cursor !== undefined);
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('is filtered by label and part of the name', async () => {
    expect((await api.call.get(jobs).query({ label: 'odd=no' })).body.items).toHaveLength(1);
    expect((await api.call.get(jobs).query({ label: 'odd' })).body.items).toHaveLength(5);
    expect((await api.call.get(jobs).query({ q: 'd' })).body.items).toHaveLength(1);
  });

  it('does not reach into another namespace', async () => {
    expect((await api.call.get('/v1/namespaces/other/jobs')).body.items).toEqual([]);
  });

  it.each([
    ['limit', '0'],
    ['limit', '501'],
    ['limit', 'ten'],
    ['state', 'asleep'],
    ['page', '2'],
  ])('refuses %s=%s', async (name, value) => {
    const answer = await api.call.get(jobs).query({ [name]: value });
    expect(answer.status).toBe(400);
    expect(answer.body.violations[0].field).toBe(name);
  });
});

it('a deleted job is gone with its triggers', async () => {
  await api.call.put(path).send(nightly);
  expect((await api.call.delete(path)).status).toBe(204);
  expect((await api.call.get(path)).status).toBe(404);
  expect((await api.call.get(`${path}/triggers/default`)).status).toBe(404);
  expect((await api.call.delete(path)).body.code).toBe('CJ_JOB_NOT_FOUND');
});
