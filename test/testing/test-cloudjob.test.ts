import { describe, expect, it } from 'vitest';
import { TestCloudJob } from '../../src/testing/test-cloudjob.js';

describe('TestCloudJob', () => {
  it('runs a nightly job through a change to summer time without waiting', async () => {
    const seen: string[] = [];
    const cloudJob = new TestCloudJob({ now: '2027-03-14T06:59:00Z' });
    cloudJob.handle('report', (ctx) => void seen.push(ctx.nominalAt.toISOString()));
    await cloudJob.start();
    await cloudJob.client.putJob({
      name: 'report',
      target: { type: 'handler', handler: 'report' },
      schedule: { type: 'cron', expression: '30 2 * * *' },
      timeZone: 'America/New_York',
    });
    await cloudJob.advance(3_600_000);
    // On 14 March there is no 02:30 in New York: the first instant after the gap is 03:00.
    expect(seen).toEqual(['2027-03-14T07:00:00.000Z']);
    await cloudJob.stop();
    expect(cloudJob.clock.pending).toBe(0);
  });

  it('shows what ran, and why it failed', async () => {
    const cloudJob = new TestCloudJob();
    cloudJob.handle('flaky', (ctx) => {
      if (ctx.attempt < 3) throw new Error(`attempt ${ctx.attempt}`);
      return { answer: 42 };
    });
    await cloudJob.start();
    await cloudJob.client.putJob({ name: 'flaky', target: { type: 'handler', handler: 'flaky' } });
    const run = await cloudJob.client.run('flaky');
    await cloudJob.advance(10_000);
    expect(await cloudJob.client.execution(run.id)).toMatchObject({
      state: 'succeeded',
      attempt: 3,
      result: { answer: 42 },
    });
    await cloudJob.stop();
  });
});
