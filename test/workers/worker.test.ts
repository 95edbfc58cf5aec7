import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { defineJob, type JobData } from '../../src/client/define-job.js';
import { Worker } from '../../src/client/worker.js';
import { settle } from '../support/manual-clock.js';
import { WorkerBench } from './worker-bench.js';

const sendInvoice = defineJob('invoice.send', {
  schema: z.object({ id: z.string(), copies: z.number().default(1) }),
  retry: { maxAttempts: 5 },
});

let bench: WorkerBench;
let worker: Worker;

beforeEach(async () => {
  bench = new WorkerBench();
  await bench.memory.start();
  worker = new Worker({ stores: bench.memory, clock: bench.clock });
});

afterEach(() => worker.stop());

describe('Worker', () => {
  it('runs handlers over stores of this process', async () => {
    worker.handle('greet', ({ data }) => `hello ${String(data)}`);
    await worker.start();
    expect(await bench.record(await bench.run('greet', {}, 'ann'))).toMatchObject({
      state: 'succeeded',
      result: 'hello ann',
      worker: worker.name,
    });
  });

  it('gives a handler of a defined job its data as the schema makes it', async () => {
    worker.handle(sendInvoice, ({ data }) => {
      expectTypeOf(data).toEqualTypeOf<{ id: string; copies: number }>();
      return data;
    });
    await worker.start();
    await bench.client.putJob(sendInvoice.input);
    const { id } = await bench.client.run('invoice.send', { data: { id: 'a' } });
    await settle(20);
    expect(await bench.client.getExecution(id)).toMatchObject({ result: { id: 'a', copies: 1 }, maxAttempts: 5 });
  });

  it('fails an execution whose data does not fit, without a retry and without calling the handler', async () => {
    let ran = false;
    worker.handle(sendInvoice, () => void (ran = true));
    await worker.start();
    await bench.client.putJob(sendInvoice.input);
    const { id } = await bench.client.run('invoice.send', { data: { id: 7 } });
    await settle(20);
    expect(await bench.client.getExecution(id)).toMatchObject({ state: 'failed', reason: 'discarded', attempt: 1 });
    expect(ran).toBe(false);
  });

  it('tells the type of the data of a defined job', () => {
    expectTypeOf<JobData<typeof sendInvoice>>().toEqualTypeOf<{ id: string; copies: number }>();
  });

  it('refuses what cannot be', async () => {
    expect(() => new Worker({ stores: bench.memory, concurrency: 0 })).toThrow('concurrency');
    expect(() => new Worker({ stores: bench.memory, queues: ['a b'] })).toThrow('queue');
    expect(() => new Worker({ stores: bench.memory, leaseMs: 10 })).toThrow('leaseMs');
    expect(() => worker.handle('a b', () => 1)).toThrow('a b');
    expect(() => worker.handle('a', () => 1).handle('a', () => 2)).toThrow('twice');
    await expect(new Worker({ stores: bench.memory }).start()).rejects.toThrow('handler');
    await worker.start();
    expect(() => worker.handle('late', () => 1)).toThrow('after the worker had started');
  });

  it('may be stopped before it was started, and more than once', async () => {
    await worker.stop();
    await worker.stop();
  });
});
