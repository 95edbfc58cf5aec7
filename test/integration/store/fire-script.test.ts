import { describe, expect, it } from 'vitest';
import { SCRIPT_CODES as CODES } from '../../../src/store/redis/script-manifest.js';
import { EPOCH, fire, ID, ID_2, JOB, LINES, openShard, ORDER, putJob, stateOf, TRIGGER } from './script-harness.js';

const FIRED = [CODES.OK, CODES.FIRED, 0];

describe('fire', () => {
  it('writes record, queue entry, history, watermark and next due instant in one step', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    const { jobs, jobNames, triggerNames } = await shard.dump();
    expect(await fire(shard)).toEqual(FIRED);
    const [, , , firedAt] = await stateOf(shard);
    expect(await shard.dump()).toEqual({
      ...{ jobs, jobNames, triggerNames },
      fence: { epoch: String(EPOCH), member: '', sealedAt: '', commits: '1' },
      executions: { [ID]: `queued|0|3|${firedAt}|${EPOCH}|||||||\n${ORDER}${LINES}` },
      ready: [`${ORDER} ${ID} 0`],
      history: [`${JOB}/${ID} 0`],
      triggers: { [TRIGGER]: '1|1000|1|000000000001000\ne1000' },
      due: [`${TRIGGER} 2000`],
    });
  });

  it('applies a decision once, however often it is sent', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    await fire(shard);
    const before = await shard.dump();
    expect(await fire(shard)).toEqual([CODES.OK, CODES.STALE, 0]);
    expect(await shard.dump()).toEqual(before);
  });

  it('applies a decision once that stands twice in one call', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    const decision = [1, '1|0|', '1|1000|', 1000, 2000, 1, 60_000, 0, 0];
    const reply = await shard.run(
      'fire',
      EPOCH,
      'ready:',
      0,
      5000,
      1,
      2,
      0,
      JOB,
      1,
      TRIGGER,
      TRIGGER,
      ...decision,
      ...decision,
    );
    expect(reply).toEqual([CODES.OK, CODES.FIRED, 0, CODES.STALE, 0]);
  });

  it.each([
    ['another watermark', { expected: '1|1|' }],
    ['another version of the trigger', { expected: '2|0|' }],
    ['another version of the job', { jobVersion: 2 }],
    ['a trigger that is not there', { trigger: `${JOB}/other` }],
  ])('is stale with %s', async (_, firing) => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    const before = await shard.dump();
    expect(await fire(shard, firing)).toEqual([CODES.OK, CODES.STALE, 0]);
    expect(await shard.dump()).toEqual({ ...before, fence: expect.anything() });
  });

  it('is early before the due instant by the clock of the server', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    const before = await shard.dump();
    expect(await fire(shard, { dueAt: (await shard.now()) + 60_000 })).toEqual([CODES.OK, CODES.EARLY, 0]);
    expect(await shard.dump()).toEqual({ ...before, fence: expect.anything() });
    expect(await fire(shard, { dueAt: await shard.now() })).toEqual(FIRED);
  });

  it('records a fire that meets an unfinished one as skipped, and keeps the one that runs as the last', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    await fire(shard);
    const second = { expected: '1|1000|', watermark: 2000, ids: [ID_2], nextDueAt: 3000 };
    expect(await fire(shard, second)).toEqual([CODES.OK, CODES.FIRED, 1]);
    const [state, , , firedAt, , , , , finishedAt, reason] = await stateOf(shard, ID_2);
    expect([state, firedAt, reason]).toEqual(['skipped', finishedAt, 'overlap']);
    const { ready, triggers, expiry } = await shard.dump();
    expect(ready).toEqual([`${ORDER} ${ID} 0`]);
    expect(triggers).toEqual({ [TRIGGER]: '1|2000|2|000000000001000\ne1000' });
    expect(expiry).toEqual([`x:${ID_2} ${Number(finishedAt) + 60_000}`]);
  });

  it.each(['succeeded', 'failed', 'cancelled'])('queues a fire after one that has %s', async (end) => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    await fire(shard);
    await shard.run('claim', 'w1', 't1', 60_000, 1, 'default/handler/work');
    await shard.run('settle', 'ready:', 0, 'wake', ID, 't1', end, 60_000, '', '', '');
    expect(await fire(shard, { expected: '1|1000|', watermark: 2000, ids: [ID_2] })).toEqual(FIRED);
    expect((await stateOf(shard, ID_2))[0]).toBe('queued');
  });

  it('queues all fires where overlap is allowed, and the first of them where it is not', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000, other: 1000 });
    expect(await fire(shard, { watermark: 2000, ids: [ID, ID_2], isSkipping: false })).toEqual(FIRED);
    const others = ['0-000000000001000-bbbb', '0-000000000002000-bbbb'];
    const firing = { trigger: `${JOB}/other`, watermark: 2000, ids: others };
    expect(await fire(shard, firing)).toEqual([CODES.OK, CODES.FIRED, 1]);
    expect((await shard.dump()).triggers).toEqual({
      [TRIGGER]: '1|2000|2|000000000002000\ne1000',
      [`${JOB}/other`]: '1|2000|2|000000000001000\ne1000',
    });
  });

  it('never writes over a record that exists', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    await shard.send('HSET', shard.keys.executions, ID, `succeeded|1|3|1|1|||||||\n${ORDER}${LINES}`);
    const { executions } = await shard.dump();
    expect(await fire(shard)).toEqual(FIRED);
    const after = await shard.dump();
    expect({ executions: after.executions, ready: after.ready }).toEqual({ executions, ready: undefined });
    expect(after.triggers).toEqual({ [TRIGGER]: '1|1000|1|\ne1000' });
  });

  it('records missed ranges with what the job says', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    const missed = '0-000000000001000-xaaaa';
    expect(await fire(shard, { ids: [], missed: [missed] })).toEqual(FIRED);
    const record = String(await shard.send('HGET', shard.keys.executions, missed));
    expect(record).toMatch(/^missed\|0\|3\|(\d+)\|7\|\|\|\|\1\|misfire-skip\|\|\n/);
    expect(record.split('\n').slice(1)).toEqual([`${ORDER}|${JOB}|default|`, '', '{"count":2}', '']);
    expect((await shard.dump()).ready).toBeUndefined();
  });

  it('keeps a trigger without a further fire until its end', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    const before = await shard.now();
    await fire(shard, { ids: [], nextDueAt: '' });
    const { due, expiry } = await shard.dump();
    expect(due).toBeUndefined();
    const [entry = ''] = expiry as string[];
    expect(entry.startsWith(`t:${TRIGGER} `)).toBe(true);
    expect(Number(entry.split(' ')[1])).toBeGreaterThanOrEqual(before + 5000);
  });

  it('takes a thousand decisions with ten fires each', async () => {
    const shard = await openShard();
    const names = Array.from({ length: 1000 }, (_, i) => `t${i}`);
    await putJob(shard, Object.fromEntries(names.map((name) => [name, 1000])));
    const ids = names.flatMap((name) => Array.from({ length: 10 }, (_, n) => `0-00000000000100${n}-${name}`));
    const decisions = names.flatMap(() => [1, '1|0|', '1|2000|', 1000, 3000, 0, 60_000, 10, 0]);
    const keys = names.map((name) => `${JOB}/${name}`);
    const records = ids.flatMap(() => [3, ORDER, LINES]);
    const head = [EPOCH, 'ready:', 0, 5000, 1, 1000, 10_000, JOB, 1];
    const reply = await shard.run('fire', ...head, ...keys, ...decisions, ...ids, ...records);
    expect(reply.filter((_, i) => i % 2 === 1).every((code) => code === CODES.FIRED)).toBe(true);
    const counts = [shard.keys.executions, shard.keys.triggers].map((key) => shard.send('HLEN', key));
    expect(await Promise.all([...counts, shard.send('ZCARD', shard.keys.ready)])).toEqual([10_000, 1000, 10_000]);
  });
});
