import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { AppModule } from '../../examples/nestjs-host/app.module.js';
import { ReportJobs } from '../../examples/nestjs-host/report-jobs.js';
import { StaticElector } from '../../src/leader/static-elector.js';
import { CLOUDJOB_CLIENT, type JobClient } from '../../src/nestjs/index.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { silentProbe } from '../../src/runtime/probe.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { SchedulerService } from '../../src/scheduler/scheduler.service.js';
import { RedisStores } from '../../src/store/redis/redis-stores.js';
import { eventually } from '../support/wait.js';

async function startScheduler(redis: string, cluster: string): Promise<void> {
  const deps = { clock: systemClock, logger: silentLogger, metrics: new Metrics(), probe: silentProbe };
  const stores = new RedisStores(deps, { redis, cluster, requireDurability: false });
  await stores.start();
  const raiseEpoch = (shard: number) => stores.executions.raiseFence(shard, 'scheduler');
  const { shardCount } = stores.executions;
  const elector = new StaticElector({ ...deps, raiseEpoch }, { member: 'scheduler', shardCount });
  const scheduler = new SchedulerService({ ...deps, stores, elector });
  await scheduler.start();
  onTestFinished(async () => {
    await scheduler.stop();
    await stores.stop();
  });
}

async function startReplica() {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= app.close());
  onTestFinished(close);
  return { close, jobs: app.get(ReportJobs), client: app.get<JobClient>(CLOUDJOB_CLIENT) };
}

describe('three replicas of the example service', () => {
  it('started at once on an empty Redis declare each job once, and each time runs on one of them', async () => {
    const cluster = `replicas-${randomUUID().slice(0, 8)}`;
    process.env['CLOUDJOB_REDIS'] = inject('redisUrl');
    process.env['CLOUDJOB_CLUSTER'] = cluster;
    const [first, second, third] = await Promise.all([
      startReplica(),
      startReplica(),
      startReplica(),
      startScheduler(inject('redisUrl'), cluster),
    ]);
    const replicas = [first, second, third];
    const runsOf = (job: string) => replicas.flatMap(({ jobs }) => jobs.runs.filter((run) => run.job === job));

    await eventually('five runs of each job', () =>
      ['ReportJobs.heartbeat', 'reports.refresh'].every((job) => runsOf(job).length >= 5),
    );
    const declared = await first.client.listJobs();
    expect(declared.items.map(({ name, version }) => [name, version])).toEqual([
      ['ReportJobs.heartbeat', 1],
      ['reports.refresh', 1],
    ]);
    // The drain lets what runs end, so what is recorded is what was run.
    await Promise.all(replicas.slice(1).map(({ close }) => close()));
    for (const job of ['ReportJobs.heartbeat', 'reports.refresh']) {
      const run = runsOf(job).map(({ nominalAt }) => nominalAt);
      const { items } = await first.client.listExecutions({ job, limit: 500 });
      const recorded = items.map(({ nominalAt }) => Date.parse(nominalAt)).reverse();
      expect(new Set(run).size).toBe(run.length);
      expect(recorded.map((at) => at - (recorded[0] ?? 0))).toEqual(recorded.map((_, index) => index * 1000));
      expect(run.filter((at) => !recorded.includes(at))).toEqual([]);
    }
  });
});
