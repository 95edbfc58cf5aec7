import { describe, expect, it } from 'vitest';
import { SCRIPT_CODES as CODES } from '../../../src/store/redis/script-manifest.js';
import { claimed, EPOCH, fire, ID, JOB, LANE, openShard, ORDER, putJob, stateOf, TRIGGER } from './script-harness.js';

const ERROR = '{"code":"CJ_LEASE_LOST","message":"gone"}';

describe('requeue_retries', () => {
  it('queues what has waited long enough, once', async () => {
    const shard = await openShard();
    await claimed(shard);
    await shard.run('settle', 'ready:', 0, 'wake', ID, 't1', 'retry', 0, '', '', ERROR);
    expect(await shard.run('requeue_retries', EPOCH, 10, 'ready:', 0)).toEqual([CODES.OK, 1]);
    const { ready, retries } = await shard.dump();
    expect({ ready, retries }).toEqual({ ready: [`${ORDER} ${ID} 0`], retries: undefined });
    expect((await stateOf(shard)).slice(0, 3)).toEqual(['queued', '1', '3']);
    expect(await shard.run('requeue_retries', EPOCH, 10, 'ready:', 0)).toEqual([CODES.OK, 0]);
  });

  it('leaves what has to wait, and drops an entry without a record', async () => {
    const shard = await openShard();
    await shard.send('ZADD', shard.keys.retries, 1, 'nothing', (await shard.now()) + 60_000, ID);
    expect(await shard.run('requeue_retries', EPOCH, 10, 'ready:', 0)).toEqual([CODES.OK, 1]);
    expect((await shard.dump()).retries).toHaveLength(1);
    expect((await shard.dump()).executions).toBeUndefined();
  });

  it('stops at the limit', async () => {
    const shard = await openShard();
    await shard.send('ZADD', shard.keys.retries, 1, 'a', 2, 'b', 3, 'c');
    expect(await shard.run('requeue_retries', EPOCH, 2, 'ready:', 0)).toEqual([CODES.OK, 2]);
    expect((await shard.dump()).retries).toEqual(['c 3']);
  });
});

describe('rescue_expired', () => {
  const rescue = 'rescue_expired';

  it('queues again, takes the token away, and is done once', async () => {
    const shard = await openShard();
    await claimed(shard, { leaseMs: 0 });
    expect(await shard.run(rescue, EPOCH, 10, 'ready:', 0, ERROR)).toEqual([CODES.OK, 1, 0, 0]);
    const [state, attempt, , , , token, worker] = await stateOf(shard);
    expect([state, attempt, token, worker]).toEqual(['queued', '1', '', 'w1']);
    const { ready, leases } = await shard.dump();
    expect({ ready, leases }).toEqual({ ready: [`${ORDER} ${ID} 0`], leases: undefined });
    expect(await shard.run(rescue, EPOCH, 10, 'ready:', 0, ERROR)).toEqual([CODES.OK, 0, 0, 0]);
    const late = [ID, 't1', 'succeeded', 1000, '', '', ''];
    expect(await shard.run('settle', 'ready:', 0, 'wake', ...late)).toEqual([CODES.LOST]);
    expect(await shard.run('extend', 1000, ID, 't1')).toEqual([CODES.LOST]);
  });

  it('leaves a lease that has not ended', async () => {
    const shard = await openShard();
    await claimed(shard);
    const before = await shard.dump();
    expect(await shard.run(rescue, EPOCH, 10, 'ready:', 0, ERROR)).toEqual([CODES.OK, 0, 0, 0]);
    expect(await shard.dump()).toEqual(before);
  });

  it('fails the last attempt, kept as the job says', async () => {
    const shard = await openShard();
    for (const token of ['t1', 't2', 't3']) {
      if (token === 't1') await claimed(shard, { token, leaseMs: 0 });
      else await shard.run('claim', 'w1', token, 0, 1, LANE);
      await shard.run(rescue, EPOCH, 10, 'ready:', 0, ERROR);
    }
    const [state, attempt, , , , , , , finishedAt, reason] = await stateOf(shard);
    expect([state, attempt, reason]).toEqual(['failed', '3', 'attempts-used-up']);
    expect((await shard.dump()).expiry).toEqual([`x:${ID} ${Number(finishedAt) + 2000}`]);
  });

  it('cancels where that was asked for, and keeps the record a day when the job is gone', async () => {
    const shard = await openShard();
    await claimed(shard, { leaseMs: 0 });
    await shard.run('cancel', ID, 1);
    await shard.run('delete_job', JOB, '');
    expect(await shard.run(rescue, EPOCH, 10, 'ready:', 0, ERROR)).toEqual([CODES.OK, 0, 0, 1]);
    const [state, , , , , , , , finishedAt] = await stateOf(shard);
    expect(state).toBe('cancelled');
    expect((await shard.dump()).expiry).toEqual([`x:${ID} ${Number(finishedAt) + 86_400_000}`]);
  });
});

describe('delete_expired', () => {
  it('deletes executions with their history, and finished triggers with their name', async () => {
    const shard = await openShard();
    await putJob(shard, { default: 1000, other: 1000 });
    await fire(shard, { nextDueAt: '' });
    await shard.run('cancel', ID, 0);
    await shard.send('ZADD', shard.keys.expiry, 1, `t:${TRIGGER}`);
    expect(await shard.run('delete_expired', EPOCH, 10)).toEqual([CODES.OK, 2]);
    const { executions, history, expiry, triggers, triggerNames } = await shard.dump();
    expect({ executions, history, expiry }).toEqual({ executions: undefined, history: undefined, expiry: undefined });
    expect(Object.keys(triggers ?? {})).toEqual([`${JOB}/other`]);
    expect(triggerNames).toEqual({ [JOB]: '1 other' });
    expect(await shard.run('delete_expired', EPOCH, 10)).toEqual([CODES.OK, 0]);
  });

  it('leaves what is kept longer, and stops at the limit', async () => {
    const shard = await openShard();
    const later = (await shard.now()) + 60_000;
    await shard.send('ZADD', shard.keys.expiry, 1, 'x:a', 2, 'x:b', 3, 'x:c', later, 'x:d');
    expect(await shard.run('delete_expired', EPOCH, 2)).toEqual([CODES.OK, 2]);
    expect(await shard.run('delete_expired', EPOCH, 2)).toEqual([CODES.OK, 1]);
    expect((await shard.dump()).expiry).toEqual([`x:d ${later}`]);
  });
});
