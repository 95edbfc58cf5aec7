import { describe, expect, it } from 'vitest';
import { SCRIPT_CODES as CODES } from '../../../src/store/redis/script-manifest.js';
import { claimed, ID, JOB, LINES, openShard, ORDER, stateOf, type Shard } from './script-harness.js';

const run = (shard: Shard) => shard.run('run', ID, JOB, 3, ORDER, LINES, 'ready:', 0) as unknown as Promise<string>;

async function failed(shard: Shard): Promise<void> {
  await claimed(shard);
  await shard.run('settle', 'ready:', 0, 'wake', ID, 't1', 'failed', 60_000, 'discarded', '', '{"code":"X"}');
}

describe('run', () => {
  it('queues a record without a leader, once', async () => {
    const shard = await openShard();
    const record = await run(shard);
    expect(record).toMatch(/^queued\|0\|3\|\d+\|0\|\|\|\|\|\|\|\n/);
    const stored = await shard.dump();
    expect(stored).toEqual({
      executions: { [ID]: record },
      ready: [`${ORDER} ${ID} 0`],
      history: [`${JOB}/${ID} 0`],
    });
    expect(await run(shard)).toBe(record);
    expect(await shard.dump()).toEqual(stored);
  });
});

describe('cancel', () => {
  it('ends what waits in the queue', async () => {
    const shard = await openShard();
    await run(shard);
    const [code, record] = await shard.run('cancel', ID, 5000);
    expect([code, record]).toEqual([CODES.OK, await shard.send('HGET', shard.keys.executions, ID)]);
    const [state, , , , , , , , finishedAt, reason] = await stateOf(shard);
    expect([state, reason]).toEqual(['cancelled', 'cancelled']);
    const { ready, expiry } = await shard.dump();
    expect({ ready, expiry }).toEqual({ ready: undefined, expiry: [`x:${ID} ${Number(finishedAt) + 5000}`] });
  });

  it('ends what waits for a retry', async () => {
    const shard = await openShard();
    await claimed(shard);
    await shard.run('settle', 'ready:', 0, 'wake', ID, 't1', 'retry', 60_000, '', '', '');
    await shard.run('cancel', ID, 5000);
    expect((await shard.dump()).retries).toBeUndefined();
    expect((await stateOf(shard))[0]).toBe('cancelled');
  });

  it('marks what runs and leaves its lease', async () => {
    const shard = await openShard();
    await claimed(shard);
    const { leases } = await shard.dump();
    const [, record] = await shard.run('cancel', ID, 5000);
    expect(await shard.run('cancel', ID, 5000)).toEqual([CODES.OK, record]);
    const state = await stateOf(shard);
    expect([state[0], state[5], state[10]]).toEqual(['running', 't1', '1']);
    expect((await shard.dump()).leases).toEqual(leases);
  });

  it('leaves what has ended, and knows nothing that is not there', async () => {
    const shard = await openShard();
    await failed(shard);
    const before = await shard.dump();
    expect((await shard.run('cancel', ID, 5000))[0]).toBe(CODES.OK);
    expect(await shard.dump()).toEqual(before);
    expect(await shard.run('cancel', 'nothing', 5000)).toEqual([CODES.NOT_FOUND]);
  });
});

describe('retry_execution', () => {
  it('queues a failed execution for one attempt more, and no longer counts on its end', async () => {
    const shard = await openShard();
    await failed(shard);
    const [code, record] = await shard.run('retry_execution', ID, 'ready:', 0);
    expect([code, record]).toEqual([CODES.OK, await shard.send('HGET', shard.keys.executions, ID)]);
    expect(record).toMatch(/^queued\|1\|2\|\d+\|7\|\|w1\|\d+\|\|\|\|t1\n/);
    expect(String(record).split('\n').slice(2)).toEqual(['', '', '']);
    const { ready, expiry } = await shard.dump();
    expect({ ready, expiry }).toEqual({ ready: [`${ORDER} ${ID} 0`], expiry: undefined });
  });

  it('refuses what has not failed, and knows nothing that is not there', async () => {
    const shard = await openShard();
    await claimed(shard);
    const before = await shard.dump();
    expect(await shard.run('retry_execution', ID, 'ready:', 0)).toEqual([CODES.CONFLICT, 'running']);
    expect(await shard.run('retry_execution', 'nothing', 'ready:', 0)).toEqual([CODES.NOT_FOUND]);
    expect(await shard.dump()).toEqual(before);
  });
});
