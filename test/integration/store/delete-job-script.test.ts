import { describe, expect, it } from 'vitest';
import { SCRIPT_CODES as CODES } from '../../../src/store/redis/script-manifest.js';
import { EPOCH, fire, JOB, openShard, putJob, TRIGGER } from './script-harness.js';

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, i]));

describe('delete_job', () => {
  it('leaves nothing of a job with few triggers, and of no other job', async () => {
    const shard = await openShard();
    await shard.run('put_job', 'shop/other', '', '{}', 'default/http 100|3|1|2', 'wake', '', 0, 'x', 'e1', 0, 5);
    const before = await shard.dump();
    await putJob(shard, many(32));
    expect(await shard.run('delete_job', JOB, '')).toEqual([CODES.DELETED]);
    expect(await shard.dump()).toEqual(before);
    expect(await shard.run('delete_job', JOB, '')).toEqual([CODES.NOT_FOUND]);
  });

  it('is refused over another version', async () => {
    const shard = await openShard();
    await putJob(shard, { a: 1 });
    const before = await shard.dump();
    expect(await shard.run('delete_job', JOB, 2)).toEqual([CODES.CONFLICT, 1]);
    expect(await shard.dump()).toEqual(before);
  });

  it('marks a job with many triggers, so that nothing fires and nothing is added', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000, ...many(33) });
    expect(await shard.run('delete_job', JOB, '')).toEqual([CODES.DELETING]);
    expect(await shard.run('delete_job', JOB, '')).toEqual([CODES.NOT_FOUND]);
    expect((await shard.dump()).jobs).toEqual({ [JOB]: '-' });
    expect((await shard.dump()).jobNames).toBeUndefined();
    expect(await fire(shard)).toEqual([CODES.OK, CODES.STALE, 0]);
    expect(await shard.run('put_triggers', JOB, '', 'wake', '', '', 'new', 'e1', 0, 5)).toEqual([CODES.NOT_FOUND]);
    // The leader learns of a deletion that its caller did not finish.
    expect(await shard.run('delete_expired', EPOCH, 10)).toEqual([CODES.OK, 0, JOB]);
  });
});

describe('sweep_job', () => {
  it('removes what it is given, and the mark with the last call', async () => {
    const shard = await openShard();
    await putJob(shard, many(33));
    await shard.send('ZADD', shard.keys.expiry, 1, `t:${JOB}/t0`);
    await shard.run('delete_job', JOB, '');
    const keys = Object.keys(many(33)).map((name) => `${JOB}/${name}`);
    expect(await shard.run('sweep_job', JOB, '-', 0, ...keys.slice(0, 20))).toBe(CODES.DELETING);
    expect(Object.keys((await shard.dump()).triggers ?? {})).toHaveLength(13);
    expect(await shard.run('sweep_job', JOB, '-', 1, ...keys.slice(20))).toBe(CODES.DELETED);
    expect(await shard.dump()).toEqual({});
  });

  it('leaves a job alone that was stored anew meanwhile', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    const before = await shard.dump();
    expect(await shard.run('sweep_job', JOB, '-', 1, TRIGGER)).toBe(CODES.DELETED);
    expect(await shard.dump()).toEqual(before);
  });
});

describe('drop_orphans', () => {
  it('removes triggers without a job, also a due entry without a trigger, and no other', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000 });
    const before = await shard.dump();
    await shard.send('HSET', shard.keys.triggers, 'gone/job/a', '1|0|0|\ne1');
    await shard.send('ZADD', shard.keys.due, 1, 'gone/job/a', 2, 'gone/job/b');
    expect(await shard.run('drop_orphans', EPOCH, 'gone/job/a', 'gone/job/b', TRIGGER)).toEqual([CODES.OK]);
    expect(await shard.dump()).toEqual({ ...before, fence: expect.anything() });
  });
});
