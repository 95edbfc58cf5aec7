import { describe, expect, it } from 'vitest';
import type { ExecutionId } from '../../src/domain/execution.js';
import { shardOfJob } from '../../src/domain/shard.js';
import type { Lane } from '../../src/domain/target.js';
import type { ClaimRequest, Settlement } from '../../src/store/execution-store.js';
import type { Stores } from '../../src/store/stores.js';
import { aFire, aJobKey, aToken, queuedExecution } from '../support/builders.js';
import { open, type StoresFactory } from './factory.js';

const LANE: Lane = 'default/handler/work';
const HOUR = 3_600_000;
const ERROR = { code: 'CJ_HANDLER_THREW', message: 'it broke' };

export function describeAttempts(makeStores: StoresFactory): void {
  describeClaim(makeStores);
  describeExtend(makeStores);
  describeSettle(makeStores);
}

function aClaim(fields: Partial<ClaimRequest> = {}): ClaimRequest {
  return { lanes: [LANE], limit: 10, worker: 'w1', leaseMs: 60_000, token: aToken(), ...fields };
}

/** Manual runs of one job, so that they share a shard; `fields` one by one. */
async function queueRuns(stores: Stores, fields: readonly { dueAt?: number; priority?: number; lane?: Lane }[]) {
  const job = aJobKey();
  const base = (await stores.executions.serverTime()) - 10_000;
  const ids: ExecutionId[] = [];
  for (const [i, field] of fields.entries()) {
    const fire = aFire(stores, { job, nominalAt: base + i, ...field });
    ids.push((await stores.executions.run({ ...fire, trigger: null, dueAt: base + (field.dueAt ?? i) })).id);
  }
  return { shard: shardOfJob(job, stores.executions.shardCount), ids };
}

function describeClaim(makeStores: StoresFactory): void {
  describe('claim', () => {
    it('starts an attempt of what is queued', async () => {
      const { stores } = await open(makeStores);
      const { shard, execution } = await queuedExecution(stores);
      const request = aClaim();
      const before = await stores.executions.serverTime();
      const claimed = await stores.executions.claim(shard, request);
      const record = claimed[0]?.execution;
      expect(claimed).toEqual([
        {
          execution: { ...execution, state: 'running', attempt: 1, worker: 'w1', startedAt: record?.startedAt },
          token: request.token,
        },
      ]);
      expect(record?.startedAt).toBeGreaterThanOrEqual(before);
      expect(await stores.executions.getExecution(execution.id)).toEqual(record);
      expect(await stores.executions.claim(shard, aClaim())).toEqual([]);
      const { leaseAt } = await stores.executions.wakeTimes(shard);
      expect(leaseAt).toBeGreaterThanOrEqual(before + 60_000);
      expect(leaseAt).toBeLessThan(before + 120_000);
    });

    it('returns what the lost answer held when it is repeated, and nothing more', async () => {
      const { stores } = await open(makeStores);
      const { shard, ids } = await queueRuns(stores, [{}, {}, {}]);
      const request = aClaim({ limit: 2 });
      const first = await stores.executions.claim(shard, request);
      const again = await stores.executions.claim(shard, request);
      expect(first.map(({ execution }) => execution.id)).toEqual(ids.slice(0, 2));
      expect([...again].sort((a, b) => (a.execution.id < b.execution.id ? -1 : 1))).toEqual(first);
      expect(await stores.executions.countShard(shard)).toMatchObject({ queued: 1, running: 2 });
    });

    it('repeats a claim with nothing once all of it was given back', async () => {
      const { stores } = await open(makeStores);
      const { shard, execution } = await queuedExecution(stores);
      const request = aClaim();
      await stores.executions.claim(shard, request);
      const released = { id: execution.id, token: request.token, settlement: { type: 'released' } as const };
      expect(await stores.executions.settle(shard, [released])).toEqual(['settled']);
      expect(await stores.executions.claim(shard, request)).toEqual([]);
      expect(await stores.executions.claim(shard, aClaim())).toHaveLength(1);
    });

    it('takes the highest priority first, then the earliest due, across lanes', async () => {
      const { stores } = await open(makeStores);
      const other: Lane = 'mail/http';
      const { shard, ids } = await queueRuns(stores, [
        { dueAt: 50 },
        { dueAt: 40, lane: other },
        { dueAt: 90, priority: 7 },
        { dueAt: 10, priority: -3 },
        { dueAt: 60, priority: 7, lane: other },
        { dueAt: 20 },
      ]);
      const claimed = await stores.executions.claim(shard, aClaim({ lanes: [LANE, other], limit: 5 }));
      expect(claimed.map(({ execution }) => ids.indexOf(execution.id))).toEqual([4, 2, 5, 1, 0]);
      const rest = await stores.executions.claim(shard, aClaim());
      expect(rest.map(({ execution }) => ids.indexOf(execution.id))).toEqual([3]);
    });

    it('never hands out what waits in another lane', async () => {
      const { stores } = await open(makeStores);
      const { shard } = await queueRuns(stores, [{ lane: 'default/http' }]);
      expect(await stores.executions.claim(shard, aClaim({ lanes: [LANE, 'default/push'] }))).toEqual([]);
      expect(await stores.executions.countShard(shard)).toMatchObject({ queued: 1 });
    });

    it('gives each execution to one worker only', async () => {
      const { stores } = await open(makeStores);
      const { shard, ids } = await queueRuns(
        stores,
        Array.from({ length: 30 }, () => ({})),
      );
      const claims = await Promise.all(
        Array.from({ length: 6 }, (_, i) => stores.executions.claim(shard, aClaim({ worker: `w${i}`, limit: 6 }))),
      );
      const taken = claims.flat().map(({ execution }) => execution.id);
      expect(taken.sort()).toEqual([...ids].sort());
    });
  });
}

function describeExtend(makeStores: StoresFactory): void {
  async function withRunning() {
    const opened = await open(makeStores);
    const { shard, execution } = await queuedExecution(opened.stores);
    const request = aClaim();
    await opened.stores.executions.claim(shard, request);
    return { ...opened, shard, id: execution.id, token: request.token };
  }

  describe('extend', () => {
    it('moves the end of the lease', async () => {
      const { stores, shard, id, token } = await withRunning();
      const before = await stores.executions.serverTime();
      expect(await stores.executions.extend(shard, [{ id, token }], HOUR)).toEqual(['extended']);
      expect((await stores.executions.wakeTimes(shard)).leaseAt).toBeGreaterThanOrEqual(before + HOUR);
    });

    it('is lost with another token, for what has ended, and for what never was, each on its own', async () => {
      const { stores, shard, id, token } = await withRunning();
      const unknown = `${shard}-000000000000001-nothing` as ExecutionId;
      const leases = [
        { id, token: aToken() },
        { id: unknown, token },
        { id, token },
      ];
      expect(await stores.executions.extend(shard, leases, HOUR)).toEqual(['lost', 'lost', 'extended']);
      await stores.executions.settle(shard, [{ id, token, settlement: { type: 'succeeded', retentionMs: HOUR } }]);
      expect(await stores.executions.extend(shard, leases, HOUR)).toEqual(['lost', 'lost', 'lost']);
      expect((await stores.executions.wakeTimes(shard)).leaseAt).toBeNull();
    });

    it('tells the attempt that it is to be cancelled, and extends', async () => {
      const { stores, shard, id, token } = await withRunning();
      await stores.executions.cancelExecution(id, HOUR);
      const before = await stores.executions.serverTime();
      expect(await stores.executions.extend(shard, [{ id, token }], HOUR)).toEqual(['cancelling']);
      expect((await stores.executions.wakeTimes(shard)).leaseAt).toBeGreaterThanOrEqual(before + HOUR);
    });
  });
}

function describeSettle(makeStores: StoresFactory): void {
  async function withRunning() {
    const opened = await open(makeStores);
    const { stores } = opened;
    const { shard, execution } = await queuedExecution(stores);
    const { token } = aClaim();
    const [claimed] = await stores.executions.claim(shard, aClaim({ token }));
    if (claimed === undefined) throw new Error('nothing was claimed');
    const { id } = execution;
    const settle = async (settlement: Settlement, by = token) =>
      (await stores.executions.settle(shard, [{ id, token: by, settlement }]))[0];
    const record = () => stores.executions.getExecution(id);
    return { ...opened, shard, running: claimed.execution, token, settle, record };
  }

  describe('settle', () => {
    it.each<[string, Settlement, object]>([
      ['succeeded', { type: 'succeeded', result: { sum: 3 }, retentionMs: HOUR }, { result: { sum: 3 } }],
      ['succeeded', { type: 'succeeded', retentionMs: HOUR }, {}],
      [
        'failed',
        { type: 'failed', error: ERROR, reason: 'attempts-used-up', retentionMs: HOUR },
        { error: ERROR, reason: 'attempts-used-up' },
      ],
      [
        'failed',
        { type: 'failed', error: ERROR, reason: 'discarded', retentionMs: HOUR },
        { error: ERROR, reason: 'discarded' },
      ],
      ['cancelled', { type: 'cancelled', reason: 'cancelled', retentionMs: HOUR }, { reason: 'cancelled' }],
      ['cancelled', { type: 'cancelled', reason: 'job-deleted', retentionMs: HOUR }, { reason: 'job-deleted' }],
    ])('ends the attempt as %s (%j)', async (state, settlement, fields) => {
      const { stores, shard, running, settle, record } = await withRunning();
      const before = await stores.executions.serverTime();
      expect(await settle(settlement)).toBe('settled');
      const ended = await record();
      expect(ended).toEqual({ ...running, ...fields, state, finishedAt: ended?.finishedAt });
      expect(ended?.finishedAt).toBeGreaterThanOrEqual(before);
      const { expiryAt, leaseAt } = await stores.executions.wakeTimes(shard);
      expect(expiryAt).toBe((ended?.finishedAt ?? 0) + HOUR);
      expect(leaseAt).toBeNull();
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 1, queued: 0, running: 0 });
    });

    it.each<[string, Settlement]>([
      ['succeeded', { type: 'succeeded', result: 1, retentionMs: HOUR }],
      ['failed', { type: 'failed', error: ERROR, reason: 'discarded', retentionMs: HOUR }],
      ['cancelled', { type: 'cancelled', reason: 'cancelled', retentionMs: HOUR }],
      ['retry', { type: 'retry', error: ERROR, retryInMs: 60_000 }],
      ['released', { type: 'released' }],
    ])('answers a repeated %s as repeated, and changes nothing', async (_type, settlement) => {
      const { stores, shard, settle, record } = await withRunning();
      await settle(settlement);
      const after = await record();
      const counts = await stores.executions.countShard(shard);
      const wakeTimes = await stores.executions.wakeTimes(shard);
      expect(await settle(settlement)).toBe('repeated');
      expect(await record()).toEqual(after);
      expect(await stores.executions.countShard(shard)).toEqual(counts);
      expect(await stores.executions.wakeTimes(shard)).toEqual(wakeTimes);
    });

    it.each<Settlement>([
      { type: 'succeeded', retentionMs: HOUR },
      { type: 'failed', error: ERROR, reason: 'discarded', retentionMs: HOUR },
      { type: 'retry', error: ERROR, retryInMs: 0 },
      { type: 'released' },
    ])('refuses another token: $type', async (settlement) => {
      const { running, settle, record } = await withRunning();
      expect(await settle(settlement, aToken())).toBe('lost');
      expect(await record()).toEqual(running);
    });

    it('refuses an attempt whose execution was given to another worker', async () => {
      const { stores, shard, settle, record } = await withRunning();
      await settle({ type: 'released' });
      const second = aClaim({ worker: 'w2' });
      await stores.executions.claim(shard, second);
      await settle({ type: 'succeeded', retentionMs: HOUR }, second.token);
      const after = await record();
      expect(await settle({ type: 'released' })).toBe('lost');
      expect(await record()).toEqual(after);
    });

    it('is lost for an execution that does not exist', async () => {
      const { stores, shard, token } = await withRunning();
      const id = `${shard}-000000000000001-nothing` as ExecutionId;
      expect(await stores.executions.settle(shard, [{ id, token, settlement: { type: 'released' } }])).toEqual([
        'lost',
      ]);
    });

    it('lets a retry wait for its delay', async () => {
      const { stores, shard, running, settle, record } = await withRunning();
      const before = await stores.executions.serverTime();
      expect(await settle({ type: 'retry', error: ERROR, retryInMs: 60_000 })).toBe('settled');
      expect(await record()).toEqual({ ...running, state: 'retrying', error: ERROR });
      const { retryAt } = await stores.executions.wakeTimes(shard);
      expect(retryAt).toBeGreaterThanOrEqual(before + 60_000);
      expect(retryAt).toBeLessThan(before + 120_000);
      expect(await stores.executions.claim(shard, aClaim())).toEqual([]);
      expect(await stores.executions.countShard(shard)).toMatchObject({ retrying: 1, running: 0, queued: 0 });
    });

    it('queues a released execution again at once, and does not count the attempt', async () => {
      const { stores, shard, running, settle, record } = await withRunning();
      expect(await settle({ type: 'released' })).toBe('settled');
      const { worker: _worker, startedAt: _startedAt, ...rest } = running;
      expect(await record()).toEqual({ ...rest, state: 'queued', attempt: 0 });
      const [claimed] = await stores.executions.claim(shard, aClaim({ worker: 'w2' }));
      expect(claimed?.execution).toMatchObject({ id: running.id, attempt: 1, worker: 'w2' });
    });

    it.each<Settlement>([{ type: 'released' }, { type: 'retry', error: ERROR, retryInMs: 10 }])(
      'cancels instead of running again what was to be cancelled: $type',
      async (settlement) => {
        const { stores, running, settle, record } = await withRunning();
        await stores.executions.cancelExecution(running.id, HOUR);
        expect(await settle(settlement)).toBe('settled');
        expect(await record()).toMatchObject({ state: 'cancelled', reason: 'cancelled', attempt: 1 });
      },
    );

    it('believes an attempt that succeeded although it was to be cancelled', async () => {
      const { stores, running, settle, record } = await withRunning();
      await stores.executions.cancelExecution(running.id, HOUR);
      expect(await settle({ type: 'succeeded', retentionMs: HOUR })).toBe('settled');
      expect(await record()).toMatchObject({ state: 'succeeded', cancelRequested: true });
    });

    it('answers each of several on its own, in order', async () => {
      const { stores } = await open(makeStores);
      const { shard, ids } = await queueRuns(stores, [{}, {}, {}]);
      const request = aClaim();
      await stores.executions.claim(shard, request);
      const items = ids.map((id, i) => ({
        id,
        token: i === 1 ? aToken() : request.token,
        settlement: { type: 'succeeded' as const, result: i, retentionMs: HOUR },
      }));
      expect(await stores.executions.settle(shard, items)).toEqual(['settled', 'lost', 'settled']);
      expect(await stores.executions.settle(shard, items)).toEqual(['repeated', 'lost', 'repeated']);
    });
  });
}
