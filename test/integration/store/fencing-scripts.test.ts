import { describe, expect, it } from 'vitest';
import { SCRIPT_CODES as CODES } from '../../../src/store/redis/script-manifest.js';
import { EPOCH, openShard, type Shard } from './script-harness.js';

describe('seal_fence', () => {
  it('stores epoch, member and instant, and the same again changes nothing', async () => {
    const shard = await openShard();
    const before = await shard.now();
    expect(await shard.run('seal_fence', 3, 'a')).toEqual([CODES.OK]);
    const sealed = await shard.dump();
    expect(sealed).toEqual({ fence: { epoch: '3', member: 'a', sealedAt: expect.any(String) } });
    expect(Number((sealed.fence as Record<string, string>)['sealedAt'])).toBeGreaterThanOrEqual(before);
    await shard.send('HSET', shard.keys.fence, 'sealedAt', 1);
    expect(await shard.run('seal_fence', 3, 'a')).toEqual([CODES.OK]);
    expect(await shard.dump()).toEqual({ fence: { epoch: '3', member: 'a', sealedAt: '1' } });
  });

  it('is refused below the fence, and on it in another name', async () => {
    const shard = await openShard();
    await shard.run('seal_fence', 3, 'a');
    const before = await shard.dump();
    expect(await shard.run('seal_fence', 2, 'a')).toEqual([CODES.FENCED, 3]);
    expect(await shard.run('seal_fence', 3, 'b')).toEqual([CODES.FENCED, 3]);
    expect(await shard.dump()).toEqual(before);
    expect(await shard.run('seal_fence', 4, 'b')).toEqual([CODES.OK]);
  });
});

describe('release_fence', () => {
  it('takes the name away and keeps the epoch, for the leader of that epoch only', async () => {
    const shard = await openShard();
    await shard.run('seal_fence', 3, 'a');
    expect(await shard.run('release_fence', 2)).toEqual([CODES.FENCED, 3]);
    expect((await shard.dump()).fence).toMatchObject({ epoch: '3', member: 'a' });
    expect(await shard.run('release_fence', 3)).toEqual([CODES.OK]);
    expect(await shard.run('release_fence', 3)).toEqual([CODES.OK]);
    expect((await shard.dump()).fence).toMatchObject({ epoch: '3', member: '' });
  });
});

describe('raise_fence', () => {
  it('answers a larger epoch each time', async () => {
    const shard = await openShard();
    await shard.run('seal_fence', 3, 'a');
    expect([await shard.run('raise_fence', 'b', 0), await shard.run('raise_fence', 'b', 0)]).toEqual([4, 5]);
    expect((await shard.dump()).fence).toMatchObject({ epoch: '5', member: 'b' });
    expect(await shard.run('raise_fence', 'b', 9)).toBe(10);
  });
});

const fenced: Record<string, (shard: Shard, epoch: number) => Promise<unknown[]>> = {
  fire: (shard, epoch) => shard.run('fire', epoch, 'ready:', 0, 5000, 0, 0, 0),
  drop_orphans: (shard, epoch) => shard.run('drop_orphans', epoch),
  requeue_retries: (shard, epoch) => shard.run('requeue_retries', epoch, 10, 'ready:', 0),
  rescue_expired: (shard, epoch) => shard.run('rescue_expired', epoch, 10, 'ready:', 0, '{}'),
  move_due: (shard, epoch) => shard.run('move_due', epoch, 5000),
  delete_expired: (shard, epoch) => shard.run('delete_expired', epoch, 10),
};

describe.each(Object.entries(fenced))('%s', (_, call) => {
  it('is refused below the fence before anything is written, and raises it from above', async () => {
    const shard = await openShard();
    await shard.run('seal_fence', EPOCH, 'a');
    const before = await shard.dump();
    expect(await call(shard, EPOCH - 1)).toEqual([CODES.FENCED, EPOCH]);
    expect(await shard.dump()).toEqual(before);
    expect((await call(shard, EPOCH))[0]).toBe(CODES.OK);
    expect(await shard.dump()).toEqual(before);
    expect((await call(shard, EPOCH + 1))[0]).toBe(CODES.OK);
    expect((await shard.dump()).fence).toEqual({ epoch: String(EPOCH + 1), member: '', sealedAt: '' });
  });
});
