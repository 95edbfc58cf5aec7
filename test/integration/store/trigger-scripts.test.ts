import { describe, expect, it } from 'vitest';
import { SCRIPT_CODES as CODES } from '../../../src/store/redis/script-manifest.js';
import { JOB, openShard, putJob, TRIGGER } from './script-harness.js';

const { CREATED, CHANGED, UNCHANGED } = CODES;

describe('put_triggers', () => {
  it('answers for each, and keeps what is equal', async () => {
    const shard = await openShard();
    await putJob(shard, { a: 10, b: 20 });
    const reply = await shard.run(
      'put_triggers',
      JOB,
      '',
      'wake',
      '',
      '',
      ...['a', 'e1000', 99, 99],
      ...['b', 'e2000', 5, 30],
      ...['c', 'e1', 5, 40],
    );
    expect(reply).toEqual([CODES.OK, UNCHANGED, CHANGED, CREATED]);
    const { triggers, due, triggerNames } = await shard.dump();
    expect(triggers).toEqual({
      [`${JOB}/a`]: '1|0|0|\ne1000',
      [`${JOB}/b`]: '2|5|0|\ne2000',
      [`${JOB}/c`]: '1|5|0|\ne1',
    });
    expect(due).toEqual([`${JOB}/a 10`, `${JOB}/b 30`, `${JOB}/c 40`]);
    expect(triggerNames).toEqual({ [JOB]: '3 a b c' });
  });

  it('never moves a watermark back, and keeps what was fired', async () => {
    const shard = await openShard();
    await putJob(shard);
    await shard.send('HSET', shard.keys.triggers, TRIGGER, '4|5000|12|000000000005000\ne1');
    await shard.run('put_triggers', JOB, '', 'wake', '', '', 'default', 'e2', 4999, 6000);
    expect((await shard.dump()).triggers).toEqual({ [TRIGGER]: '5|5000|12|000000000005000\ne2' });
  });

  it('takes a paused trigger out of the due set, and a changed one back from its end', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 10 });
    await shard.run('put_triggers', JOB, '', 'wake', '', '', 'default', 'e1000|p', 5, '');
    expect((await shard.dump()).due).toBeUndefined();
    await shard.send('ZADD', shard.keys.expiry, 1, `t:${TRIGGER}`);
    await shard.run('put_triggers', JOB, '', 'wake', '', '', 'default', 'e2000', 5, 50);
    const { due, expiry } = await shard.dump();
    expect({ due, expiry }).toEqual({ due: [`${TRIGGER} 50`], expiry: undefined });
  });

  it('is refused without the job, or over another version, before anything is written', async () => {
    const shard = await openShard();
    expect(await shard.run('put_triggers', JOB, '', 'wake', '', '', 'a', 'e1', 0, 1)).toEqual([CODES.NOT_FOUND]);
    await putJob(shard, { a: 10 });
    const before = await shard.dump();
    expect(await shard.run('put_triggers', JOB, 2, 'wake', '', '', 'a', 'e1', 0, 1)).toEqual([CODES.CONFLICT, 1]);
    expect(await shard.run('put_triggers', JOB, 0, 'wake', '', '', 'a', 'e1', 0, 1)).toEqual([CODES.CONFLICT, 1]);
    expect(await shard.run('put_triggers', JOB, 1, 'wake', '', '', 'b', 'e1', 0, 1)).toEqual([CODES.CONFLICT, 0]);
    expect(await shard.dump()).toEqual(before);
  });

  it('lists names up to 32, and only counts beyond', async () => {
    const shard = await openShard();
    await putJob(shard);
    const names = Array.from({ length: 33 }, (_, i) => `t${i}`);
    const write = (list: string[]) =>
      shard.run('put_triggers', JOB, '', 'wake', '', '', ...list.flatMap((name) => [name, 'e1', 0, 1]));
    await write(names.slice(0, 32));
    expect((await shard.dump()).triggerNames).toEqual({ [JOB]: `32 ${names.slice(0, 32).join(' ')}` });
    await write(names);
    expect((await shard.dump()).triggerNames).toEqual({ [JOB]: '33 *' });
    for (const name of names.slice(1)) await shard.run('delete_trigger', JOB, name, '');
    expect((await shard.dump()).triggerNames).toEqual({ [JOB]: '1 *' });
    await shard.run('delete_trigger', JOB, 't0', '');
    expect((await shard.dump()).triggerNames).toBeUndefined();
  });
});

describe('delete_trigger', () => {
  it('removes record, due instant, end and name, once', async () => {
    const shard = await openShard();
    await putJob(shard);
    const before = await shard.dump();
    await shard.run('put_triggers', JOB, '', 'wake', '', '', 'a', 'e1', 0, 1);
    await shard.send('ZADD', shard.keys.expiry, 1, `t:${JOB}/a`);
    expect(await shard.run('delete_trigger', JOB, 'a', 2)).toEqual([CODES.CONFLICT, 1]);
    expect(await shard.run('delete_trigger', JOB, 'a', 1)).toEqual([CODES.DELETED]);
    expect(await shard.dump()).toEqual(before);
    expect(await shard.run('delete_trigger', JOB, 'a', 1)).toEqual([CODES.NOT_FOUND]);
  });
});

describe('read_triggers', () => {
  it('answers record and due instant for each, nothing for what is not there', async () => {
    const shard = await openShard();
    await putJob(shard, { a: 10, b: '' });
    expect(await shard.run('read_triggers', `${JOB}/b`, `${JOB}/none`, `${JOB}/a`)).toEqual([
      ...['1|0|0|\ne1000', null],
      ...[null, null],
      ...['1|0|0|\ne1000', '10'],
    ]);
  });
});

describe('read_due', () => {
  it('answers triggers with their jobs, each job once, and the instant that follows', async () => {
    const shard = await openShard();
    await putJob(shard, { a: 10, b: 20, c: 30 });
    await shard.send('HSET', shard.keys.triggers, 'gone/job/x', '1|0|0|\ne1');
    await shard.send('ZADD', shard.keys.due, 15, 'gone/job/x');
    const [following, found, jobs] = (await shard.run('read_due', 20, 10, '-inf')) as unknown as [
      string,
      string[],
      string[],
    ];
    expect(following).toBe('30');
    expect(found.filter((_, i) => i % 3 !== 2)).toEqual([`${JOB}/a`, '10', 'gone/job/x', '15', `${JOB}/b`, '20']);
    expect(jobs).toEqual([JOB, expect.stringMatching(/^1\|/)]);
    expect((await shard.run('read_due', 20, 1, '-inf'))[0]).toBe('15');
    expect(await shard.run('read_due', 9, 10, '-inf')).toEqual(['10', [], []]);
    expect((await shard.run('read_due', 30, 10, '-inf'))[0]).toBe('');
  });
});
