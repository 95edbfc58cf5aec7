import { describe, expect, it } from 'vitest';
import { ID, ID_2, JOB, LANE, LINES, openShard, type Shard } from './script-harness.js';

const HTTP = 'default/http';

async function run(shard: Shard, id: string, { lane = LANE, priority = '100', dueAt = 1000 } = {}): Promise<void> {
  const order = `${lane} ${priority}${String(dueAt).padStart(15, '0')}`;
  await shard.run('run', id, JOB, 3, order, LINES, 'ready:', 0);
}

const claim = (shard: Shard, token: string, ...lanes: string[]) =>
  shard.run('claim', 'w1', token, 60_000, 10, ...lanes);
const ids = (reply: readonly unknown[]) => reply.filter((_, i) => i % 2 === 0);

describe('claim', () => {
  it('moves what waits to a lease, under the token, with one attempt more', async () => {
    const shard = await openShard();
    await run(shard, ID);
    const before = await shard.dump();
    const reply = await claim(shard, 't1', LANE);
    const record = String(reply[1]);
    expect(record).toMatch(/^running\|1\|3\|\d+\|0\|t1\|w1\|\d+\|\|\|\|\n/);
    const startedAt = record.split('|')[7];
    expect(await shard.dump()).toEqual({
      history: before.history,
      executions: { [ID]: record },
      leases: [`${ID} ${Number(startedAt) + 60_000}`],
      claims: { w1: `${startedAt} t1 ${ID}` },
    });
    expect(record.slice(record.indexOf('\n'))).toBe(`\n${LANE} 100000000000001000${LINES}`);
  });

  it('returns the same when it is repeated, and takes nothing more', async () => {
    const shard = await openShard();
    await run(shard, ID);
    const first = await claim(shard, 't1', LANE);
    await run(shard, ID_2);
    const before = await shard.dump();
    expect(await claim(shard, 't1', LANE)).toEqual(first);
    expect(await shard.dump()).toEqual(before);
    expect(ids(await claim(shard, 't2', LANE))).toEqual([ID_2]);
  });

  it('leaves out of a repeated answer what was settled or lost meanwhile', async () => {
    const shard = await openShard();
    await run(shard, ID);
    await run(shard, ID_2);
    await claim(shard, 't1', LANE);
    await shard.run('settle', 'ready:', 0, 'wake', ID, 't1', 'succeeded', 1000, '', '', '');
    expect(ids(await claim(shard, 't1', LANE))).toEqual([ID_2]);
  });

  it('takes by priority, then due instant, across lanes, up to the limit', async () => {
    const shard = await openShard();
    await run(shard, '0-1', { dueAt: 3000 });
    await run(shard, '0-2', { dueAt: 1000, lane: HTTP });
    await run(shard, '0-3', { dueAt: 2000 });
    await run(shard, '0-4', { dueAt: 9000, lane: HTTP, priority: '099' });
    await run(shard, '0-5', { dueAt: 1, priority: '101' });
    expect(ids(await shard.run('claim', 'w1', 't1', 1000, 3, LANE, HTTP))).toEqual(['0-4', '0-2', '0-3']);
    expect(ids(await shard.run('claim', 'w1', 't2', 1000, 3, LANE, HTTP))).toEqual(['0-1', '0-5']);
  });

  it('takes nothing from a lane whose name only begins alike', async () => {
    const shard = await openShard();
    await run(shard, ID, { lane: `${LANE}-2` });
    expect(await claim(shard, 't1', LANE)).toEqual([]);
    expect((await shard.dump()).claims).toBeUndefined();
  });

  it('drops a queue entry whose record is gone or does not wait', async () => {
    const shard = await openShard();
    await run(shard, ID);
    await run(shard, ID_2);
    await shard.send('HDEL', shard.keys.executions, ID);
    await shard.send('HSET', shard.keys.executions, ID_2, `cancelled|0|3|1|0|||||||\n${LANE}${LINES}`);
    expect(await claim(shard, 't1', LANE)).toEqual([]);
    const { ready, leases } = await shard.dump();
    expect({ ready, leases }).toEqual({ ready: undefined, leases: undefined });
  });

  it('forgets the claims of workers that have been gone for an hour', async () => {
    const shard = await openShard();
    const now = await shard.now();
    await shard.send('HSET', shard.keys.claims, 'gone', `${now - 3_700_000} t0 x`, 'here', `${now - 3_500_000} t0 x`);
    await run(shard, ID);
    await claim(shard, 't1', LANE);
    expect(Object.keys((await shard.dump()).claims ?? {}).sort()).toEqual(['here', 'w1']);
  });
});
