import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cancel, discard, done, retryIn } from '../../src/domain/handler-outcome.js';
import { StoreUnavailableError } from '../../src/domain/errors.js';
import { MAX_TIMER_MS } from '../../src/runtime/clock.js';
import type { ClusterEvent } from '../../src/store/event-bus.js';
import type { JobContext } from '../../src/workers/job-context.js';
import { settle } from '../support/manual-clock.js';
import { WorkerBench } from './worker-bench.js';

let bench: WorkerBench;

beforeEach(async () => {
  bench = new WorkerBench();
  await bench.memory.start();
});

afterEach(() => bench.close());

/** A handler that goes on until the test ends it, and remembers what it was given. */
function openHandler() {
  const contexts: JobContext[] = [];
  const ends: ((value?: unknown) => void)[] = [];
  const handler = (context: JobContext): Promise<unknown> => {
    contexts.push(context);
    void context.signal;
    return new Promise((resolve) => ends.push(resolve));
  };
  return { handler, contexts, ends };
}

const whyOf = (context: JobContext | undefined): unknown =>
  (context?.signal.reason as { why?: string } | undefined)?.why;

describe('a worker', () => {
  it('runs what is queued and stores the result', async () => {
    const seen: JobContext[] = [];
    const worker = bench.worker({
      invoice: (context) => {
        seen.push(context);
        return { paid: true };
      },
    });
    await worker.start();
    const id = await bench.run('invoice', {}, { id: 7 });

    expect(await bench.record(id)).toMatchObject({
      state: 'succeeded',
      result: { paid: true },
      attempt: 1,
      worker: 'w-1',
    });
    const now = new Date(bench.clock.now());
    expect(seen).toHaveLength(1);
    const { executionId, namespace, job, trigger, data, idempotencyKey, nominalAt, startedAt, attempt } = seen[0]!;
    expect({ executionId, namespace, job, trigger, data, idempotencyKey, nominalAt, startedAt, attempt }).toEqual({
      executionId: id,
      namespace: 'shop',
      job: 'invoice',
      trigger: null,
      data: { id: 7 },
      idempotencyKey: `shop/invoice@${id}`,
      nominalAt: now,
      startedAt: now,
      attempt: 1,
    });
  });

  it('gives the data of the job where the run brings none', async () => {
    let data: unknown;
    await bench.worker({ a: (context) => void (data = context.data) }).start();
    await bench.run('a', { data: { from: 'job' } });
    await settle(20);
    expect(data).toEqual({ from: 'job' });
  });

  it('finds what was queued before it started', async () => {
    const id = await bench.run('early');
    await bench.worker({ early: () => 1 }).start();
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', result: 1 });
  });

  it('claims only what it has handlers and queues for', async () => {
    await bench.worker({ mine: () => 1 }).start();
    const other = await bench.run('other');
    const elsewhere = await bench.run('mine', { queue: 'slow' });
    await bench.clock.advance(5000);
    expect(await bench.record(other)).toMatchObject({ state: 'queued' });
    expect(await bench.record(elsewhere)).toMatchObject({ state: 'queued' });
  });

  it('never runs more at once than it has slots, and takes the next when one is free', async () => {
    const { handler, ends } = openHandler();
    await bench.worker({ slow: handler }, { concurrency: 2 }).start();
    for (let i = 0; i < 5; i++) await bench.run('slow');
    await bench.clock.advance(5000);
    expect(ends).toHaveLength(2);
    ends[0]!();
    await settle(20);
    expect(ends).toHaveLength(3);
    for (let i = 1; i < 5; i++) {
      ends[i]!();
      await settle(20);
    }
    expect(bench.probe.count('attempt-ended')).toBe(5);
  });

  it('runs a burst over all shards without a further hint', async () => {
    for (let i = 0; i < 40; i++) await bench.run(`job-${i}`, { target: { type: 'handler', handler: 'work' } });
    await bench.worker({ work: () => 1 }, { concurrency: 3 }).start();
    await settle(200);
    expect(bench.probe.count('attempt-ended')).toBe(40);
  });

  it('finds work whose hint was lost at the next sweep', async () => {
    const worker = bench.worker({ a: () => 1 });
    const { executions } = bench.memory;
    executions.onReady = () => Promise.resolve(() => Promise.resolve());
    await worker.start();
    await settle();
    const id = await bench.run('a');
    expect(await bench.record(id)).toMatchObject({ state: 'queued' });
    await bench.clock.advance(2000);
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded' });
  });

  it('asks the store for nothing while there is no work, except at sweeps', async () => {
    await bench.worker({ a: () => 1 }).start();
    await settle(20);
    bench.executions.calls.length = 0;
    await bench.clock.advance(20_000);
    const claims = bench.executions.calls.filter(({ method }) => method === 'claim').length;
    expect(claims).toBeGreaterThanOrEqual(4 * 9);
    expect(claims).toBeLessThanOrEqual(4 * 12);
  });

  it('shows itself in the registry until it stops', async () => {
    const worker = bench.worker({ a: () => 1 });
    await worker.start();
    await settle();
    expect(await bench.memory.registry.list('worker')).toMatchObject([
      { id: 'w-1', facts: { queues: ['default'], handlers: ['a'], slots: 10, busy: 0 } },
    ]);
    await worker.stop();
    expect(await bench.memory.registry.list('worker')).toEqual([]);
  });

  it('leaves no timer behind when it stops', async () => {
    const worker = bench.worker({ a: () => 1 });
    await worker.start();
    await bench.run('a');
    await settle(20);
    await worker.stop();
    expect(bench.clock.pending).toBe(0);
  });

  it('tells who watches what happens', async () => {
    const events: ClusterEvent[] = [];
    await bench.memory.events.subscribe((event) => events.push(event));
    await bench.worker({ a: () => 1, b: () => Promise.reject(new Error('no')) }).start();
    const a = await bench.run('a');
    const b = await bench.run('b');
    await bench.clock.advance(200);
    expect(events.map(({ type, facts }) => [type, facts['execution']])).toEqual([
      ['started', a],
      ['succeeded', a],
      ['started', b],
      ['retrying', b],
    ]);
    expect(events[3]!.facts).toMatchObject({ job: 'b', worker: 'w-1', error: { message: 'no' } });
  });
});

describe('what a handler says', () => {
  it('a thrown error is retried by the policy, with the same idempotency key, until attempts are used up', async () => {
    const keys: string[] = [];
    await bench
      .worker({
        bad: (context) => {
          keys.push(`${context.attempt} ${context.idempotencyKey}`);
          throw new Error('card declined');
        },
      })
      .start();
    const retry = { maxAttempts: 2, backoff: { type: 'fixed', initialMs: 1000, maxMs: 1000 } };
    const id = await bench.run('bad', { retry });
    const error = { code: 'CJ_HANDLER_THREW', message: 'card declined' };
    expect(await bench.record(id)).toMatchObject({ state: 'retrying', attempt: 1, error });

    await bench.clock.advance(1000);
    await bench.leaderPass();
    expect(await bench.record(id)).toMatchObject({ state: 'failed', attempt: 2, reason: 'attempts-used-up', error });
    expect(keys).toEqual([`1 shop/bad@${id}`, `2 shop/bad@${id}`]);
  });

  it.each([
    ['done', () => done({ n: 1 }), { state: 'succeeded', result: { n: 1 } }],
    [
      'retryIn',
      () => retryIn(500, 'busy'),
      { state: 'retrying', error: { code: 'CJ_HANDLER_RETRY', message: 'busy' } },
    ],
    ['cancel', () => cancel('gone'), { state: 'cancelled', reason: 'cancelled' }],
    [
      'discard',
      () => discard('bad data'),
      { state: 'failed', reason: 'discarded', error: { code: 'CJ_HANDLER_DISCARDED', message: 'bad data' } },
    ],
    ['nothing', () => undefined, { state: 'succeeded' }],
    ['a date', () => new Date(0), { state: 'succeeded', result: '1970-01-01T00:00:00.000Z' }],
    ['a circle', () => circle(), { state: 'failed', reason: 'discarded', error: { code: 'CJ_HANDLER_THREW' } }],
    [
      '64 KiB and one',
      () => 'x'.repeat(65_535),
      { state: 'failed', reason: 'discarded', error: { code: 'CJ_PAYLOAD_TOO_LARGE' } },
    ],
    ['64 KiB', () => 'x'.repeat(65_534), { state: 'succeeded', result: 'x'.repeat(65_534) }],
    [
      'a thrown text',
      () => {
        throw 'plain text' as unknown;
      },
      { state: 'retrying', error: { message: 'plain text' } },
    ],
  ])('%s', async (_name, handler, expected) => {
    await bench.worker({ h: handler }).start();
    const id = await bench.run('h');
    expect(await bench.record(id)).toMatchObject(expected);
  });

  it('retryIn waits as long as it says', async () => {
    await bench.worker({ h: (context) => (context.attempt === 1 ? retryIn(60_000) : 'second') }).start();
    const id = await bench.run('h');
    await bench.clock.advance(59_000);
    await bench.leaderPass();
    expect(await bench.record(id)).toMatchObject({ state: 'retrying' });
    await bench.clock.advance(1000);
    await bench.leaderPass();
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', result: 'second', attempt: 2 });
  });

  it('a plain result that looks like an outcome is a result', async () => {
    await bench.worker({ h: () => ({ type: 'discard', reason: 'mine' }) }).start();
    expect(await bench.record(await bench.run('h'))).toMatchObject({ state: 'succeeded' });
  });

  it('a delay that cannot be is refused where it is written', () => {
    expect(() => retryIn(-1)).toThrow(RangeError);
    expect(() => retryIn(Number.NaN)).toThrow(RangeError);
  });
});

function circle(): unknown {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

describe('an attempt that is told to stop', () => {
  it('fails on timeout, and the signal says so', async () => {
    const { handler, contexts, ends } = openHandler();
    await bench.worker({ slow: handler }).start();
    const id = await bench.run('slow', { timeoutMs: 3000, retry: { maxAttempts: 1 } });
    await bench.clock.advance(2999);
    expect(contexts[0]!.signal.aborted).toBe(false);
    await bench.clock.advance(1);
    expect(whyOf(contexts[0])).toBe('timeout');
    ends[0]!('too late');
    expect(await bench.record(id)).toMatchObject({ state: 'failed', error: { code: 'CJ_HANDLER_TIMEOUT' } });
  });

  it('is left behind a second after the timeout, and its slot is used again', async () => {
    const { handler, contexts } = openHandler();
    await bench.worker({ deaf: handler }, { concurrency: 1 }).start();
    const id = await bench.run('deaf', { timeoutMs: 3000, retry: { maxAttempts: 1 } });
    const next = await bench.run('deaf', { timeoutMs: 3000, retry: { maxAttempts: 1 } });
    await bench.clock.advance(3999);
    expect(await bench.record(id)).toMatchObject({ state: 'running' });
    await bench.clock.advance(1);
    expect(await bench.record(id)).toMatchObject({ state: 'failed', error: { code: 'CJ_HANDLER_TIMEOUT' } });
    expect(await bench.record(next)).toMatchObject({ state: 'running' });
    expect(contexts).toHaveLength(2);
  });

  it('keeps a timeout longer than the longest timer', async () => {
    const { clock } = bench;
    const setTimer = clock.setTimer.bind(clock);
    clock.setTimer = (delayMs, fn) => setTimer(Math.min(delayMs, MAX_TIMER_MS), fn);
    const { handler, contexts } = openHandler();
    await bench.worker({ long: handler }, { leaseMs: 600_000 }).start();
    await bench.run('long', { timeoutMs: 5_400_000 });
    await bench.clock.advance(5_399_000);
    expect(contexts[0]!.signal.aborted).toBe(false);
    await bench.clock.advance(1000);
    expect(whyOf(contexts[0])).toBe('timeout');
  });

  it('ends as cancelled when a caller cancels it', async () => {
    const { handler, contexts, ends } = openHandler();
    await bench.worker({ slow: handler }).start();
    const id = await bench.run('slow');
    await bench.client.cancelExecution(id);
    expect(await bench.record(id)).toMatchObject({ state: 'running', cancelRequested: true });
    await bench.clock.advance(3000);
    expect(whyOf(contexts[0])).toBe('cancel');
    ends[0]!('half of it');
    expect(await bench.record(id)).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
  });

  it('is heard after the abort when it says an outcome in so many words', async () => {
    const { handler, ends } = openHandler();
    await bench.worker({ slow: handler }).start();
    const id = await bench.run('slow');
    await bench.client.cancelExecution(id);
    await bench.clock.advance(3000);
    ends[0]!(done('all of it'));
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', result: 'all of it' });
  });

  it('ends as cancelled when its job is gone', async () => {
    const id = await bench.run('gone');
    await bench.client.deleteJob('gone');
    let ran = false;
    await bench.worker({ gone: () => void (ran = true) }).start();
    expect(await bench.record(id)).toMatchObject({ state: 'cancelled', reason: 'job-deleted' });
    expect(ran).toBe(false);
  });
});

describe('leases', () => {
  it('are extended as long as the attempt runs', async () => {
    const { handler, contexts, ends } = openHandler();
    await bench.worker({ slow: handler }).start();
    const id = await bench.run('slow');
    for (let i = 0; i < 30; i++) {
      await bench.clock.advance(1000);
      await bench.leaderPass();
    }
    expect(contexts).toHaveLength(1);
    ends[0]!('done');
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });

  it('are extended in one call per shard, a third of the lease apart', async () => {
    const { handler } = openHandler();
    await bench.worker({ slow: handler }).start();
    for (let i = 0; i < 10; i++) await bench.run('slow');
    await bench.clock.advance(12_000);
    const extensions = bench.executions.calls.filter(({ method }) => method === 'extend');
    expect(extensions.length).toBeGreaterThanOrEqual(4);
    expect(extensions.length).toBeLessThanOrEqual(6);
    expect(extensions.every(({ args }) => (args[1] as unknown[]).length === 10)).toBe(true);
  });

  it('survive extensions that fail for a while', async () => {
    const { handler, contexts, ends } = openHandler();
    await bench.worker({ slow: handler }).start();
    const id = await bench.run('slow');
    bench.executions.fail('extend', 'before', 5);
    await bench.clock.advance(20_000);
    expect(contexts[0]!.signal.aborted).toBe(false);
    ends[0]!('done');
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });

  it('that cannot be confirmed are given up before they end, and the result is not sent', async () => {
    const { handler, contexts, ends } = openHandler();
    await bench.worker({ slow: handler }).start();
    const id = await bench.run('slow');
    bench.executions.fail('extend', 'before', 1000);
    await bench.clock.advance(4900);
    expect(contexts[0]!.signal.aborted).toBe(false);
    await bench.clock.advance(1099);
    expect(whyOf(contexts[0])).toBe('lease-lost');
    ends[0]!(done('stale'));
    expect(await bench.record(id)).toMatchObject({ state: 'running', attempt: 1 });
    expect(bench.executions.calls.some(({ method }) => method === 'settle')).toBe(false);
    expect(await bench.metrics.expose()).toContain('cloudjob_leases_lost_total 1');
  });

  it('lost to another attempt abort the old one, and only the new result counts', async () => {
    const { handler, contexts, ends } = openHandler();
    await bench.worker({ slow: handler }).start();
    const id = await bench.run('slow', { retry: { maxAttempts: 2 } });
    bench.clock.jumpWall(60_000); // The store's clock passes the lease; the worker's own does not.
    await bench.leaderPass();
    expect(contexts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    await bench.clock.advance(3000);
    expect(whyOf(contexts[0])).toBe('lease-lost');
    ends[0]!('old');
    expect(await bench.record(id)).toMatchObject({ state: 'running', attempt: 2 });
    ends[1]!('new');
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', attempt: 2, result: 'new' });
  });

  it('a handler that always loses its worker fails in the end instead of running for ever', async () => {
    let runs = 0;
    const id = await bench.run('poison', { retry: { maxAttempts: 2 } });
    for (let life = 0; life < 5; life++) {
      const claimed = await Promise.all(
        [0, 1, 2, 3].map((shard) =>
          bench.memory.executions.claim(shard, {
            lanes: ['default/handler/poison'],
            limit: 1,
            worker: `dies-${life}`,
            leaseMs: 6000,
            token: `life-${life}` as never,
          }),
        ),
      );
      runs += claimed.flat().length;
      await bench.clock.advance(6001);
      await bench.leaderPass();
    }
    expect(runs).toBe(2);
    expect(await bench.record(id)).toMatchObject({ state: 'failed', reason: 'attempts-used-up' });
  });
});

describe('lost answers', () => {
  it('of a claim: the claim is repeated with the same token and nothing is left behind', async () => {
    const worker = bench.worker({ a: () => 'ok' });
    bench.executions.fail('claim', 'after', 4);
    const ids = [await bench.run('a'), await bench.run('a')];
    await worker.start();
    await settle(20);
    await bench.clock.advance(500);
    for (const id of ids) expect(await bench.record(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    const claims = bench.executions.calls.filter(({ method }) => method === 'claim');
    const requests = claims.map(({ args }) => JSON.stringify(args));
    const tokens = new Set(claims.map(({ args }) => (args[1] as { token: string }).token));
    expect(new Set(requests).size).toBe(tokens.size);
    expect(requests.length).toBeGreaterThan(tokens.size);
  });

  it('of a settlement: it is repeated, counted once, and the handler does not run again', async () => {
    let runs = 0;
    await bench.worker({ a: () => ++runs }).start();
    bench.executions.fail('settle', 'after', 3);
    const id = await bench.run('a');
    await bench.clock.advance(5000);
    await bench.leaderPass();
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', result: 1, attempt: 1 });
    expect(runs).toBe(1);
    expect(await bench.metrics.expose()).toContain('cloudjob_attempts_total{target="handler",outcome="succeeded"} 1');
  });

  it('of a settlement while the store is away for long: given up after the lease, and run again', async () => {
    let runs = 0;
    await bench.worker({ a: () => ++runs }, { concurrency: 1 }).start();
    bench.executions.fail('settle', 'before', 1000);
    const id = await bench.run('a');
    await bench.clock.advance(14_000);
    bench.executions.fail('settle', 'before', 0);
    await bench.leaderPass();
    await bench.clock.advance(2000);
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', result: 2, attempt: 2 });
  });

  it('of the job: the attempt waits for the definition', async () => {
    const id = await bench.run('a');
    const getJob = bench.memory.jobs.getJob.bind(bench.memory.jobs);
    let failures = 3;
    bench.memory.jobs.getJob = (key) => (failures-- > 0 ? Promise.reject(unavailable()) : getJob(key));
    await bench.worker({ a: () => 'ok' }).start();
    await bench.clock.advance(1000);
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });
});

describe('drain', () => {
  it('claims nothing more, lets what runs finish within the grace, and reports it', async () => {
    const { handler, ends } = openHandler();
    const worker = bench.worker({ slow: handler });
    await worker.start();
    const id = await bench.run('slow');
    await settle(20);
    const stopped = worker.stop();
    await bench.clock.advance(3000);
    const late = await bench.run('slow');
    ends[0]!('in time');
    await settle(20);
    await stopped;
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', result: 'in time' });
    expect(await bench.record(late)).toMatchObject({ state: 'queued' });
  });

  it('keeps leases while the grace lasts', async () => {
    const { handler, contexts, ends } = openHandler();
    const worker = bench.worker({ slow: handler }, { drainMs: 30_000 });
    await worker.start();
    const id = await bench.run('slow');
    await settle(20);
    const stopped = worker.stop();
    for (let i = 0; i < 20; i++) {
      await bench.clock.advance(1000);
      await bench.leaderPass();
    }
    expect(contexts[0]!.signal.aborted).toBe(false);
    ends[0]!('late but in time');
    await settle(20);
    await stopped;
    expect(await bench.record(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });

  it('gives back what does not finish in time, without counting the attempt', async () => {
    const { handler, contexts, ends } = openHandler();
    const worker = bench.worker({ slow: handler });
    await worker.start();
    const [polite, deaf] = [await bench.run('slow'), await bench.run('slow')];
    await settle(20);
    const stopped = worker.stop();
    await bench.clock.advance(5000);
    expect(contexts.map(whyOf)).toEqual(['drain', 'drain']);
    ends[contexts.findIndex(({ executionId }) => executionId === polite)]!();
    expect(await bench.record(polite)).toMatchObject({ state: 'queued', attempt: 0 });
    await bench.clock.advance(1000);
    await stopped;
    expect(await bench.record(deaf)).toMatchObject({ state: 'queued', attempt: 0 });
  });

  it('gives back what a claim under way brings', async () => {
    const worker = bench.worker({ a: () => 'ran' });
    await worker.start();
    await settle(20);
    const { executions } = bench.memory;
    const claim = executions.claim.bind(executions);
    let answer = (): void => undefined;
    executions.claim = async (shard, request) => {
      const claimed = await claim(shard, request);
      if (claimed.length > 0) await new Promise<void>((resolve) => (answer = resolve));
      return claimed;
    };
    const id = await bench.run('a');
    expect(await bench.record(id)).toMatchObject({ state: 'running' });
    const stopped = worker.stop();
    await settle(20);
    answer();
    await stopped;
    expect(await bench.record(id)).toMatchObject({ state: 'queued', attempt: 0 });
  });
});

function unavailable(): Error {
  return new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', 'away');
}
