import { describe, expect, it } from 'vitest';
import { SCRIPT_CODES as CODES } from '../../../src/store/redis/script-manifest.js';
import { JOB, openShard, putJob } from './script-harness.js';

const put = (expected: number | '', definition: string, ...rest: (string | number)[]) =>
  [JOB, expected, definition, 'default/http 100|3|1|2', 'wake', '', ...(rest.length === 0 ? [0] : rest)] as const;

describe('put_job', () => {
  it('writes job, name, triggers, due instants and the index in one step', async () => {
    const shard = await openShard();
    const [code, record] = await shard.run(
      'put_job',
      ...put('', '{"a":1}', 0, 'x', 'e1000', 5, 9, 'y', 'e1000|p', 5, ''),
    );
    expect(code).toBe(CODES.CREATED);
    const created = /^1\|(\d+)\|(\d+)\|/.exec(String(record));
    expect(created?.[1]).toBe(created?.[2]);
    expect(await shard.dump()).toEqual({
      jobs: { [JOB]: `1|${created?.[1]}|${created?.[1]}|||default/http 100|3|1|2\n{"a":1}\n` },
      jobNames: [`${JOB} 0`],
      triggers: { [`${JOB}/x`]: '1|5|0|\ne1000', [`${JOB}/y`]: '1|5|0|\ne1000|p' },
      triggerNames: { [JOB]: '2 x y' },
      due: [`${JOB}/x 9`],
    });
  });

  it('changes nothing when it is repeated', async () => {
    const shard = await openShard();
    const call = put('', '{}', 0, 'x', 'e1000', 5, 9);
    await shard.run('put_job', ...call);
    const before = await shard.dump();
    expect((await shard.run('put_job', ...call))[0]).toBe(CODES.UNCHANGED);
    expect(await shard.dump()).toEqual(before);
  });

  it('is refused over another version, before anything is written', async () => {
    const shard = await openShard();
    expect(await shard.run('put_job', ...put(1, '{}', 0, 'x', 'e1', 5, 9))).toEqual([CODES.CONFLICT, 0]);
    expect(await shard.dump()).toEqual({});
    expect((await shard.run('put_job', ...put(0, '{}')))[0]).toBe(CODES.CREATED);
    const before = await shard.dump();
    expect(await shard.run('put_job', ...put(0, '{"b":1}', 0, 'x', 'e1', 5, 9))).toEqual([CODES.CONFLICT, 1]);
    expect(await shard.dump()).toEqual(before);
  });

  it('removes triggers with their due instants, and keeps those it does not name', async () => {
    const shard = await openShard();
    await putJob(shard, { a: 1, b: 2, c: '' });
    const [code, record] = await shard.run(
      'put_job',
      JOB,
      '',
      '{}',
      'default/handler/work 100|3|1000|2000',
      'wake',
      '',
      2,
      'a',
      'nobody',
    );
    expect([code, String(record).slice(0, 2)]).toEqual([CODES.CHANGED, '2|']);
    const { triggers, triggerNames, due } = await shard.dump();
    expect(Object.keys(triggers ?? {})).toEqual([`${JOB}/b`, `${JOB}/c`]);
    expect({ triggerNames, due }).toEqual({ triggerNames: { [JOB]: '2 b c' }, due: [`${JOB}/b 2`] });
  });

  it('waits for the end of a deletion', async () => {
    const shard = await openShard();
    await shard.send('HSET', shard.keys.jobs, JOB, '-');
    expect(await shard.run('put_job', ...put('', '{}'))).toEqual([CODES.DELETING]);
    expect(await shard.dump()).toEqual({ jobs: { [JOB]: '-' } });
  });
});

describe('pause_job and resume_job', () => {
  it('know no job that is not there or is being deleted', async () => {
    const shard = await openShard();
    expect(await shard.run('pause_job', JOB, '"x"')).toEqual([CODES.NOT_FOUND]);
    await shard.send('HSET', shard.keys.jobs, JOB, '-');
    expect(await shard.run('pause_job', JOB, '"x"')).toEqual([CODES.NOT_FOUND]);
    expect(await shard.run('resume_job', JOB, 'wake')).toEqual([CODES.NOT_FOUND]);
  });

  it('keep everything else of the record, and change nothing when repeated', async () => {
    const shard = await openShard();
    await putJob(shard);
    const [code, paused] = await shard.run('pause_job', JOB, '"a\\nb"');
    expect(code).toBe(CODES.CHANGED);
    expect(paused).toMatch(/^2\|\d+\|(\d+)\|\1\|\|default\/handler\/work 100\|3\|1000\|2000\n\{\}\n"a\\nb"$/);
    expect(await shard.run('pause_job', JOB, '"other"')).toEqual([CODES.UNCHANGED, paused]);
    const [, resumed] = await shard.run('resume_job', JOB, 'wake');
    expect(resumed).toMatch(/^3\|\d+\|(\d+)\|\|\1\|default\/handler\/work 100\|3\|1000\|2000\n\{\}\n$/);
    expect(await shard.run('resume_job', JOB, 'wake')).toEqual([CODES.UNCHANGED, resumed]);
  });
});
