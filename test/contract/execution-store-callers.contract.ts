import { describe, expect, it } from 'vitest';
import { manualExecutionId, type Execution, type ExecutionId } from '../../src/domain/execution.js';
import type { JobKey } from '../../src/domain/job.js';
import { shardOfJob } from '../../src/domain/shard.js';
import type { ExecutionFilter } from '../../src/store/execution-store.js';
import type { Stores } from '../../src/store/stores.js';
import { aFire, aJobKey, aToken, queuedExecution } from '../support/builders.js';
import { eventually } from '../support/wait.js';
import { open, type StoresFactory } from './factory.js';

const LANE = 'default/handler/work';
const HOUR = 3_600_000;
const ERROR = { code: 'CJ_HANDLER_THREW', message: 'it broke' };
const NOTHING = '0-000000000000001-nothing' as ExecutionId;

export function describeCallers(makeStores: StoresFactory): void {
  describeRun(makeStores);
  describeList(makeStores);
  describeCancel(makeStores);
  describeRetry(makeStores);
}

function aRun(stores: Stores, { job, at, unique = 'a' }: { job: JobKey; at: number; unique?: string }) {
  const shard = shardOfJob(job, stores.executions.shardCount);
  return { ...aFire(stores, { job, nominalAt: at }), trigger: null, id: manualExecutionId(shard, at, unique) };
}

async function claimOne(stores: Stores, shard: number) {
  const token = aToken();
  const request = { lanes: [LANE], limit: 1, worker: 'w1', leaseMs: 60_000, token } as const;
  const [claimed] = await stores.executions.claim(shard, request);
  if (claimed === undefined) throw new Error('nothing was claimed');
  return { id: claimed.execution.id, token };
}

function describeRun(makeStores: StoresFactory): void {
  describe('run', () => {
    it('queues a run outside the schedule', async () => {
      const { stores } = await open(makeStores);
      const job = aJobKey();
      let ready = 0;
      await stores.executions.onReady([LANE], () => void ready++);
      const before = await stores.executions.serverTime();
      const run = { ...aRun(stores, { job, at: before }), data: { by: 'hand' } };
      const execution = await stores.executions.run(run);
      expect(execution).toEqual({ ...run, state: 'queued', firedAt: execution.firedAt, attempt: 0, epoch: 0 });
      expect(execution.firedAt).toBeGreaterThanOrEqual(before);
      expect(await stores.executions.getExecution(run.id)).toEqual(execution);
      await eventually('a hint for workers', () => ready > 0);
    });

    it('is one run for one id, whatever has become of it', async () => {
      const { stores } = await open(makeStores);
      const job = aJobKey();
      const run = aRun(stores, { job, at: await stores.executions.serverTime() });
      const first = await stores.executions.run(run);
      expect(await stores.executions.run(run)).toEqual(first);
      const shard = shardOfJob(job, stores.executions.shardCount);
      const { id, token } = await claimOne(stores, shard);
      await stores.executions.settle(shard, [{ id, token, settlement: { type: 'succeeded', retentionMs: HOUR } }]);
      expect(await stores.executions.run({ ...run, priority: 9 })).toMatchObject({ state: 'succeeded', priority: 0 });
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 1, queued: 0 });
    });
  });

  describe('getExecution', () => {
    it('finds nothing where nothing is', async () => {
      const { stores } = await open(makeStores);
      expect(await stores.executions.getExecution(NOTHING)).toBeNull();
      expect(await stores.executions.getExecution('999-000000000000001-nothing' as ExecutionId)).toBeNull();
    });
  });
}

function describeList(makeStores: StoresFactory): void {
  /** Two jobs with three runs each, one second apart; the oldest of the first job is cancelled. */
  async function withRuns() {
    const { stores } = await open(makeStores);
    const base = (await stores.executions.serverTime()) - 100_000;
    const jobs = [aJobKey(), aJobKey()] as const;
    for (const [n, job] of jobs.entries()) {
      for (const i of [1, 0, 2]) await stores.executions.run(aRun(stores, { job, at: base + i * 1000 + n * 100 }));
    }
    await stores.executions.run(aRun(stores, { job: aJobKey('other'), at: base }));
    const first = aRun(stores, { job: jobs[0], at: base }).id;
    await stores.executions.cancelExecution(first, HOUR);
    const job = jobs[0].split('/')[1] ?? '';
    const list = async (filter: Partial<ExecutionFilter>) =>
      (await stores.executions.listExecutions({ namespace: 'shop', limit: 50, ...filter })).items;
    const times = (items: readonly Execution[]) => items.map((item) => item.nominalAt - base);
    return { stores, base, job, first, list, times };
  }

  describe('listExecutions', () => {
    it('lists the executions of a job, newest nominal time first', async () => {
      const { stores, job, first, list, times } = await withRuns();
      const items = await list({ job });
      expect(times(items)).toEqual([2000, 1000, 0]);
      expect(items.at(-1)).toEqual(await stores.executions.getExecution(first));
    });

    it('lists those of a namespace, each once', async () => {
      const { list, times } = await withRuns();
      const items = await list({});
      expect(times(items).sort((a, b) => a - b)).toEqual([0, 100, 1000, 1100, 2000, 2100]);
      expect(await list({ namespace: 'other' })).toHaveLength(1);
      expect(await list({ namespace: 'nowhere' })).toEqual([]);
    });

    it('filters by state, and by the first nominal time, inclusive', async () => {
      const { base, job, first, list, times } = await withRuns();
      expect((await list({ state: 'cancelled' })).map((item) => item.id)).toEqual([first]);
      expect(times(await list({ job, state: 'queued' }))).toEqual([2000, 1000]);
      expect(times(await list({ job, since: base + 1000 }))).toEqual([2000, 1000]);
      expect(times(await list({ since: base + 1001 })).sort((a, b) => a - b)).toEqual([1100, 2000, 2100]);
      expect(await list({ job, state: 'failed' })).toEqual([]);
    });

    it.each(['job', 'namespace', 'state', 'since'] as const)('pages without loss or repetition by %s', async (by) => {
      const { stores, base, job, list } = await withRuns();
      const filter = { job: { job }, namespace: {}, state: { state: 'queued' as const }, since: { since: base + 500 } }[
        by
      ];
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await stores.executions.listExecutions({ namespace: 'shop', limit: 2, cursor, ...filter });
        expect(page.items.length).toBeLessThanOrEqual(2);
        seen.push(...page.items.map((item) => item.id));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      expect([...seen].sort()).toEqual((await list(filter)).map((item) => item.id).sort());
      expect(new Set(seen).size).toBe(seen.length);
    });
  });
}

function describeCancel(makeStores: StoresFactory): void {
  describe('cancelExecution', () => {
    it('ends what is queued at once', async () => {
      const { stores } = await open(makeStores);
      const { shard, execution } = await queuedExecution(stores);
      const cancelled = await stores.executions.cancelExecution(execution.id, HOUR);
      expect(cancelled).toEqual({
        ...execution,
        state: 'cancelled',
        reason: 'cancelled',
        finishedAt: cancelled?.finishedAt,
      });
      expect(await stores.executions.getExecution(execution.id)).toEqual(cancelled);
      expect((await stores.executions.wakeTimes(shard)).expiryAt).toBe((cancelled?.finishedAt ?? 0) + HOUR);
      const request = { lanes: [LANE], limit: 1, worker: 'w1', leaseMs: 60_000, token: aToken() } as const;
      expect(await stores.executions.claim(shard, request)).toEqual([]);
      expect(await stores.executions.cancelExecution(execution.id, HOUR)).toEqual(cancelled);
    });

    it('ends what waits for its retry at once', async () => {
      const { stores } = await open(makeStores);
      const { shard, execution } = await queuedExecution(stores);
      const lease = await claimOne(stores, shard);
      const settlement = { type: 'retry', error: ERROR, retryInMs: 60_000 } as const;
      await stores.executions.settle(shard, [{ ...lease, settlement }]);
      expect(await stores.executions.cancelExecution(execution.id, HOUR)).toMatchObject({ state: 'cancelled' });
      expect((await stores.executions.wakeTimes(shard)).retryAt).toBeNull();
    });

    it('marks what runs, and leaves the rest to the attempt', async () => {
      const { stores } = await open(makeStores);
      const { shard, execution } = await queuedExecution(stores);
      await claimOne(stores, shard);
      const running = await stores.executions.getExecution(execution.id);
      const marked = await stores.executions.cancelExecution(execution.id, HOUR);
      expect(marked).toEqual({ ...running, cancelRequested: true });
      expect(await stores.executions.cancelExecution(execution.id, HOUR)).toEqual(marked);
    });

    it('leaves what has ended, and knows nothing that does not exist', async () => {
      const { stores } = await open(makeStores);
      const { shard, execution } = await queuedExecution(stores);
      const lease = await claimOne(stores, shard);
      const settlement = { type: 'succeeded', retentionMs: HOUR } as const;
      await stores.executions.settle(shard, [{ ...lease, settlement }]);
      const ended = await stores.executions.getExecution(execution.id);
      expect(await stores.executions.cancelExecution(execution.id, HOUR)).toEqual(ended);
      expect(await stores.executions.cancelExecution(NOTHING, HOUR)).toBeNull();
    });
  });
}

function describeRetry(makeStores: StoresFactory): void {
  describe('retryExecution', () => {
    it('queues a failed execution for one further attempt', async () => {
      const { stores } = await open(makeStores);
      const { shard, execution } = await queuedExecution(stores, { maxAttempts: 1 });
      const lease = await claimOne(stores, shard);
      const settlement = { type: 'failed', error: ERROR, reason: 'attempts-used-up', retentionMs: HOUR } as const;
      await stores.executions.settle(shard, [{ ...lease, settlement }]);
      let ready = 0;
      await stores.executions.onReady([LANE], () => void ready++);
      const retried = await stores.executions.retryExecution(execution.id);
      expect(retried).toMatchObject({ id: execution.id, state: 'queued', attempt: 1, maxAttempts: 2 });
      expect(retried).not.toHaveProperty('reason');
      expect(retried).not.toHaveProperty('finishedAt');
      expect(retried).not.toHaveProperty('error');
      expect(await stores.executions.getExecution(execution.id)).toEqual(retried);
      expect((await stores.executions.wakeTimes(shard)).expiryAt).toBeNull();
      await eventually('a hint for workers', () => ready > 0);
      expect(await stores.executions.retryExecution(execution.id), 'asked again').toEqual(retried);
      const second = await claimOne(stores, shard);
      await expect(stores.executions.retryExecution(execution.id)).rejects.toMatchObject({ code: 'CJ_STATE_CONFLICT' });
      expect(await stores.executions.settle(shard, [{ ...lease, settlement }])).not.toContain('settled');
      expect(await stores.executions.getExecution(second.id)).toMatchObject({ state: 'running', attempt: 2 });
    });

    it('refuses what has not failed, and knows nothing that does not exist', async () => {
      const { stores } = await open(makeStores);
      const { execution } = await queuedExecution(stores);
      await expect(stores.executions.retryExecution(execution.id)).rejects.toMatchObject({ code: 'CJ_STATE_CONFLICT' });
      expect(await stores.executions.retryExecution(NOTHING)).toBeNull();
    });
  });
}
