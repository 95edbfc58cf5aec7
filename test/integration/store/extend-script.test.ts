import { describe, expect, it } from 'vitest';
import { SCRIPT_CODES as CODES } from '../../../src/store/redis/script-manifest.js';
import { claimed, ID, openShard } from './script-harness.js';

describe('extend', () => {
  it('moves the end of the lease and nothing else', async () => {
    const shard = await openShard();
    await claimed(shard, { leaseMs: 1000 });
    const before = await shard.dump();
    const now = await shard.now();
    expect(await shard.run('extend', 90_000, ID, 't1')).toEqual([CODES.EXTENDED]);
    const { leases, ...rest } = await shard.dump();
    expect(Number((leases as string[])[0]?.split(' ')[1])).toBeGreaterThanOrEqual(now + 90_000);
    expect({ ...rest, leases: before.leases }).toEqual(before);
  });

  it('is lost under another token, after the end, and for what never was', async () => {
    const shard = await openShard();
    await claimed(shard);
    const before = await shard.dump();
    expect(await shard.run('extend', 90_000, ID, 't2', 'nothing', 't1')).toEqual([CODES.LOST, CODES.LOST]);
    expect(await shard.dump()).toEqual(before);
    await shard.run('settle', 'ready:', 0, 'wake', ID, 't1', 'succeeded', 1000, '', '', '');
    expect(await shard.run('extend', 90_000, ID, 't1')).toEqual([CODES.LOST]);
    expect((await shard.dump()).leases).toBeUndefined();
  });

  it('tells that a caller wants the execution cancelled', async () => {
    const shard = await openShard();
    await claimed(shard);
    await shard.run('cancel', ID, 1000);
    expect(await shard.run('extend', 90_000, ID, 't1')).toEqual([CODES.CANCELLING]);
  });
});
