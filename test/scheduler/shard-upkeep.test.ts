import { describe, expect, it } from 'vitest';
import type { Lane } from '../../src/domain/target.js';
import { aToken } from '../support/builders.js';
import { every, once, setup } from './shard-fixture.js';

const LANE: Lane = 'default/handler/work';

/** A shard with one execution that runs under a lease of `leaseMs`. */
async function running({ leaseMs = 1000, maxAttempts = 3 } = {}) {
  const shard = setup();
  await shard.put({ a: once(shard.origin + 100) }, { definition: { retry: { maxAttempts } } });
  const leader = await shard.lead();
  await shard.clock.advance(100);
  const token = aToken();
  const { executions } = shard.stores;
  const [claimed] = await executions.claim(0, { lanes: [LANE], limit: 1, worker: 'w', leaseMs, token });
  if (claimed === undefined) throw new Error('nothing to claim');
  const state = async (): Promise<string | undefined> => (await executions.getExecution(claimed.execution.id))?.state;
  return { ...shard, ...leader, lease: { id: claimed.execution.id, token }, state };
}

describe('ShardUpkeep', () => {
  it.each([300, 2345])('queues a retry in %i ms within 50 ms of its time', async (retryInMs) => {
    const { clock, stores, lease, state } = await running();
    const error = { code: 'CJ_HANDLER_THREW', message: 'no' };
    await stores.executions.settle(0, [{ ...lease, settlement: { type: 'retry', error, retryInMs } }]);
    await clock.advance(retryInMs - 1);
    expect(await state()).toBe('retrying');
    await clock.advance(50);
    expect(await state()).toBe('queued');
  });

  it('takes back an execution within a second of the end of its lease', async () => {
    const { clock, state, metrics, watch } = await running({ leaseMs: 3000 });
    const events = await watch();
    await clock.advance(2999);
    expect(await state()).toBe('running');
    await clock.advance(1000);
    expect(await state()).toBe('queued');
    expect((await metrics.rescues.get()).values).toContainEqual({ labels: { outcome: 'requeued' }, value: 1 });
    expect(events.map(({ type, facts }) => [type, facts['requeued']])).toEqual([['rescued', 1]]);
  });

  it('fails an execution whose last attempt lost its lease', async () => {
    const { clock, state } = await running({ leaseMs: 500, maxAttempts: 1 });
    await clock.advance(1500);
    expect(await state()).toBe('failed');
  });

  it('deletes records when their retention has ended', async () => {
    const { clock, stores, lease, records } = await running();
    await stores.executions.settle(0, [{ ...lease, settlement: { type: 'succeeded', retentionMs: 5000 } }]);
    await clock.advance(4000);
    expect(await records()).toHaveLength(1);
    await clock.advance(3000);
    expect(await records()).toHaveLength(0);
  });

  it('goes on with its duties and with firing while one of them fails', async () => {
    const { clock, faulty, fired, put, state } = await running({ leaseMs: 500 });
    faulty.inject('rescueExpired', 'before', 3);
    await put({ b: every(1000) });
    await clock.advance(4000);
    expect((await fired()).filter((text) => text.startsWith('b')).every((text) => text.endsWith('+0'))).toBe(true);
    expect(await state()).toBe('queued');
  });

  it('ends the term when a duty meets a greater fence', async () => {
    const { clock, term, stores } = await running({ leaseMs: 500 });
    await stores.executions.raiseFence(0, 'another');
    await clock.advance(3000);
    expect(term.ended.reason).toBe('fenced');
  });
});
