import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_IMPORT_BYTES } from '../../src/domain/limits.js';
import { startApi, type ApiServer } from './support/api-server.js';

const job = '/v1/namespaces/app/jobs/birthday';
const triggers = `${job}/triggers`;
const yearly = { schedule: { type: 'cron', expression: '0 9 4 7 *' }, timeZone: 'Europe/Berlin' };

let api: ApiServer;
beforeEach(async () => {
  api = await startApi();
  await api.call.put(job).send({ target: { type: 'handler', handler: 'greet' }, timeZone: 'Asia/Tokyo' });
});
afterEach(() => api.stop());

describe('a trigger', () => {
  it('is created, read, changed and deleted', async () => {
    const put = await api.call.put(`${triggers}/ada`).send({ ...yearly, data: { user: 'ada' } });
    expect(put.status).toBe(201);
    expect(put.headers['etag']).toBe('"1"');
    expect(put.body).toEqual({
      namespace: 'app',
      job: 'birthday',
      name: 'ada',
      ...yearly,
      data: { user: 'ada' },
      version: 1,
      status: { state: 'active', nextAt: '2027-07-04T07:00:00.000Z', fireCount: 0 },
    });
    expect((await api.call.get(`${triggers}/ada`)).body).toEqual(put.body);
    const patch = await api.call.patch(`${triggers}/ada`).send({ data: null, jitterMs: 1000 });
    expect(patch.body).toMatchObject({ version: 2, jitterMs: 1000 });
    expect(patch.body.data).toBeUndefined();
    expect((await api.call.delete(`${triggers}/ada`)).status).toBe(204);
    expect((await api.call.get(`${triggers}/ada`)).body.code).toBe('CJ_TRIGGER_NOT_FOUND');
  });

  it('has the zone of its job where it names none', async () => {
    const put = await api.call.put(`${triggers}/ada`).send({ schedule: yearly.schedule });
    expect(put.body.timeZone).toBe('Asia/Tokyo');
  });

  it('stays as it is when the same is put again, also as it was shown', async () => {
    const first = await api.call.put(`${triggers}/ada`).send(yearly);
    expect((await api.call.put(`${triggers}/ada`).send(yearly)).body).toEqual(first.body);
    const shown = await api.call.put(`${triggers}/ada`).send(first.body);
    expect(shown.headers['cloudjob-outcome']).toBe('unchanged');
    expect(shown.body).toEqual(first.body);
  });

  it('is written only over the version that was read', async () => {
    await api.call.put(`${triggers}/ada`).send(yearly);
    const stale = await api.call
      .put(`${triggers}/ada`)
      .set('if-match', '"7"')
      .send({ ...yearly, jitterMs: 5 });
    expect(stale.status).toBe(412);
    expect((await api.call.put(`${triggers}/ada`).set('if-none-match', '*').send(yearly)).status).toBe(412);
    expect((await api.call.delete(`${triggers}/ada`).set('if-match', '"7"')).status).toBe(412);
    expect((await api.call.get(`${triggers}/ada`)).body.version).toBe(1);
  });

  it('goes on from now after a pause', async () => {
    await api.call.put(`${triggers}/ada`).send({ schedule: { type: 'every', everyMs: 60_000 } });
    const paused = await api.call.post(`${triggers}/ada/pause`);
    expect(paused.body.status).toEqual({ state: 'paused', fireCount: 0 });
    await api.clock.advance(600_000);
    const resumed = await api.call.post(`${triggers}/ada/resume`);
    expect(resumed.body.status).toEqual({ state: 'active', nextAt: '2026-11-21T00:11:00.000Z', fireCount: 0 });
    const stored = await api.stores.jobs.getTrigger('app/birthday/ada');
    expect(stored?.state.watermark).toBe(Date.parse('2026-11-21T00:10:00Z'));
    expect((await api.call.post(`${triggers}/ada/resume`)).body.version).toBe(resumed.body.version);
  });

  it('cannot be resumed when nothing of it follows', async () => {
    await api.call.put(`${triggers}/ada`).send({ schedule: { type: 'at', at: '2026-11-21T00:05:00Z' } });
    await api.call.post(`${triggers}/ada/pause`);
    await api.clock.advance(3_600_000);
    const resumed = await api.call.post(`${triggers}/ada/resume`);
    expect(resumed.status).toBe(409);
    expect(resumed.body.code).toBe('CJ_STATE_CONFLICT');
  });

  it('needs its job', async () => {
    const put = await api.call.put('/v1/namespaces/app/jobs/nobody/triggers/ada').send(yearly);
    expect(put.body.code).toBe('CJ_JOB_NOT_FOUND');
    expect((await api.call.get('/v1/namespaces/app/jobs/nobody/triggers')).body.code).toBe('CJ_JOB_NOT_FOUND');
  });

  it.each([
    [{ schedule: { type: 'cron', expression: '* * * *' } }, 'schedule.expression'],
    [{ ...yearly, timeZone: 'Nowhere' }, 'timeZone'],
    [{ ...yearly, users: ['ada'] }, 'users'],
    [{ timeZone: 'UTC' }, 'schedule'],
  ])('is refused as %j', async (body, field) => {
    const put = await api.call.put(`${triggers}/ada`).send(body);
    expect(put.status).toBe(400);
    expect(put.body.violations[0].field).toMatch(field);
    expect((await api.call.get(triggers)).body.items).toEqual([]);
  });

  it('is listed with the others, page by page', async () => {
    for (const name of ['a', 'b', 'c']) await api.call.put(`${triggers}/${name}`).send(yearly);
    const first = await api.call.get(triggers).query({ limit: 2 });
    const second = await api.call.get(triggers).query({ limit: 2, cursor: first.body.nextCursor });
    const names = [...first.body.items, ...second.body.items].map((trigger: { name: string }) => trigger.name);
    expect(names.sort()).toEqual(['a', 'b', 'c']);
    expect(second.body.nextCursor).toBeUndefined();
  });
});

describe('an import', () => {
  const importLines = async (lines: readonly string[]) => {
    const answer = await api.call
      .post(`${triggers}/import`)
      .set('content-type', 'application/x-ndjson')
      .buffer(true)
      .parse((res, done) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (part: string) => (text += part));
        res.on('end', () => done(null, text));
      })
      .send(lines.join('\n'));
    const text = String(answer.body);
    const results = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    return { answer, text, results };
  };

  it('writes every good line and names the field of every bad one', async () => {
    await api.call.put(`${triggers}/old`).send(yearly);
    const { answer, results } = await importLines([
      JSON.stringify({ name: 'ada', ...yearly }),
      JSON.stringify({ name: 'old', ...yearly }),
      '',
      '{"name": "broken",',
      JSON.stringify({ name: 'mars', ...yearly, timeZone: 'Mars/Olympus' }),
      JSON.stringify(yearly),
      '[1]',
      JSON.stringify({ name: 'ada', ...yearly, jitterMs: 5 }),
    ]);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/x-ndjson');
    expect(
      results.map((result) => [result.line, result.name, result.outcome ?? result.error.violations[0].field]),
    ).toEqual([
      [1, 'ada', 'created'],
      [2, 'old', 'unchanged'],
      [4, undefined, 'body'],
      [5, 'mars', 'timeZone'],
      [6, undefined, 'name'],
      [7, undefined, ''],
      [8, 'ada', 'changed'],
    ]);
    expect(results[2].error.violations[0].message).toContain('position 18');
    expect((await api.call.get(`${triggers}/ada`)).body.jitterMs).toBe(5);
    expect((await api.call.get(job)).body.status.triggerCount).toBe(2);
  });

  it('takes more lines than one transition holds', async () => {
    const lines = Array.from({ length: 2500 }, (_, i) => JSON.stringify({ name: `u${i}`, ...yearly }));
    const { results } = await importLines(lines);
    expect(results).toHaveLength(2500);
    expect(results.every((result, i) => result.line === i + 1 && result.outcome === 'created')).toBe(true);
    expect((await api.call.get(job)).body.status.triggerCount).toBe(2500);
  });

  it('for a job that does not exist is a problem document', async () => {
    const answer = await api.call
      .post('/v1/namespaces/app/jobs/nobody/triggers/import')
      .set('content-type', 'application/x-ndjson')
      .send(JSON.stringify({ name: 'ada', ...yearly }));
    expect(answer.status).toBe(404);
    expect(answer.body.code).toBe('CJ_JOB_NOT_FOUND');
  });

  it('ends with a problem where it becomes too large, and what was answered before is written', async () => {
    const good = Array.from({ length: 1000 }, (_, i) => JSON.stringify({ name: `u${i}`, ...yearly }));
    const padding = Array.from({ length: 60 }, () => ' '.repeat(200_000));
    expect(padding.join('').length).toBeGreaterThan(MAX_IMPORT_BYTES);
    const { results } = await importLines([...good, ...padding]);
    expect(results).toHaveLength(1001);
    expect(results[1000].problem.code).toBe('CJ_PAYLOAD_TOO_LARGE');
    expect((await api.call.get(job)).body.status.triggerCount).toBe(1000);
  });

  it('refuses other media types', async () => {
    const answer = await api.call.post(`${triggers}/import`).send([yearly]);
    expect(answer.status).toBe(415);
  });

  it('of nothing has no results', async () => {
    expect((await importLines([])).results).toEqual([]);
  });
});
