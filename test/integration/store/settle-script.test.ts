import { describe, expect, it } from 'vitest';
import { SCRIPT_CODES as CODES } from '../../../src/store/redis/script-manifest.js';
import { claimed, EPOCH, ID, JOB, openShard, ORDER, stateOf, type Shard } from './script-harness.js';

const ERROR = '{"code":"X","message":"it | broke"}';

const settle = (shard: Shard, type: string, ms = 1000, { token = 't1', reason = '', result = '', error = '' } = {}) =>
  shard.run('settle', 'ready:', 0, 'wake', ID, token, type, ms, reason, result, error);

const linesOf = async (shard: Shard) =>
  String(await shard.send('HGET', shard.keys.executions, ID))
    .split('\n')
    .slice(1);

describe('settle', () => {
  it('ends a successful attempt with its result', async () => {
    const shard = await openShard();
    await claimed(shard);
    const { claims, executions: _before, leases: _leases, ...rest } = await shard.dump();
    expect(await settle(shard, 'succeeded', 1000, { result: '{"rows":3}' })).toEqual([CODES.SETTLED]);
    const [, , , firedAt, , , , startedAt, finishedAt] = await stateOf(shard);
    expect(await shard.dump()).toEqual({
      ...rest,
      claims,
      executions: {
        [ID]: `succeeded|1|3|${firedAt}|${EPOCH}||w1|${startedAt}|${finishedAt}|||t1\n${ORDER}|${JOB}|default|\n\n{"rows":3}\n`,
      },
      expiry: [`x:${ID} ${Number(finishedAt) + 1000}`],
    });
  });

  it.each(['succeeded', 'failed', 'cancelled', 'retry', 'released'])('is repeated without effect: %s', async (type) => {
    const shard = await openShard();
    await claimed(shard);
    expect(await settle(shard, type)).toEqual([CODES.SETTLED]);
    const before = await shard.dump();
    expect(await settle(shard, type)).toEqual([CODES.REPEATED]);
    expect(await shard.dump()).toEqual(before);
  });

  it('settles once what stands twice in one call', async () => {
    const shard = await openShard();
    await claimed(shard);
    const item = [ID, 't1', 'succeeded', 1000, '', '', ''];
    expect(await shard.run('settle', 'ready:', 0, 'wake', ...item, ...item)).toEqual([CODES.SETTLED, CODES.REPEATED]);
  });

  it('is lost under another token, and for what never was', async () => {
    const shard = await openShard();
    await claimed(shard);
    const before = await shard.dump();
    expect(await settle(shard, 'succeeded', 1000, { token: 't2' })).toEqual([CODES.LOST]);
    const nothing = ['nothing', 't1', 'succeeded', 1000, '', '', ''];
    expect(await shard.run('settle', 'ready:', 0, 'wake', ...nothing)).toEqual([CODES.LOST]);
    expect(await shard.dump()).toEqual(before);
  });

  it('knows the attempt before as repeated while the next one runs, and lets it change nothing', async () => {
    const shard = await openShard();
    await claimed(shard);
    await settle(shard, 'released');
    await shard.run('claim', 'w2', 't2', 60_000, 1, 'default/handler/work');
    const before = await shard.dump();
    expect(await settle(shard, 'released')).toEqual([CODES.REPEATED]);
    expect(await shard.dump()).toEqual(before);
  });

  it('delays a retry and keeps its error through the next attempt', async () => {
    const shard = await openShard();
    await claimed(shard);
    const now = await shard.now();
    await settle(shard, 'retry', 50_000, { error: ERROR });
    expect((await stateOf(shard))[0]).toBe('retrying');
    const { retries, leases } = await shard.dump();
    expect(leases).toBeUndefined();
    expect(Number((retries as string[])[0]?.split(' ')[1])).toBeGreaterThanOrEqual(now + 50_000);
    expect(await linesOf(shard)).toEqual([`${ORDER}|${JOB}|default|`, '', '', ERROR]);
  });

  it('gives back a released execution unstarted', async () => {
    const shard = await openShard();
    await claimed(shard);
    await settle(shard, 'released');
    const [state, attempt, , , , token, worker, startedAt] = await stateOf(shard);
    expect([state, attempt, token, worker, startedAt]).toEqual(['queued', '0', '', '', '']);
    const { ready, leases } = await shard.dump();
    expect({ ready, leases }).toEqual({ ready: [`${ORDER} ${ID} 0`], leases: undefined });
  });

  it.each(['retry', 'released'])(
    'cancels instead of %s where that was asked for, kept as the job says',
    async (type) => {
      const shard = await openShard();
      await claimed(shard);
      await shard.run('cancel', ID, 99);
      await settle(shard, type, 50_000, { error: ERROR });
      const [state, , , , , , , , finishedAt, reason, cancel] = await stateOf(shard);
      expect([state, reason, cancel]).toEqual(['cancelled', 'cancelled', '1']);
      const { ready, retries, expiry } = await shard.dump();
      expect({ ready, retries, expiry }).toEqual({
        ...{ ready: undefined, retries: undefined },
        expiry: [`x:${ID} ${Number(finishedAt) + 1000}`],
      });
      expect(await linesOf(shard)).toEqual([`${ORDER}|${JOB}|default|`, '', '', '']);
    },
  );

  it('keeps data, result and error apart when they hold what separates fields', async () => {
    const shard = await openShard();
    await claimed(shard);
    const result = JSON.stringify('a|b\n%|');
    await settle(shard, 'failed', 1000, { result, error: ERROR, reason: 'discarded' });
    expect(await linesOf(shard)).toEqual([`${ORDER}|${JOB}|default|`, '', result, ERROR]);
    expect((await stateOf(shard))[9]).toBe('discarded');
  });
});
