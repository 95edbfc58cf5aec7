import 'reflect-metadata';
import { Test, type TestingModule } from '@nestjs/testing';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import { onTestFinished } from 'vitest';
import { StaticElector } from '../../src/leader/static-elector.js';
import { CLOUDJOB_CLIENT, CloudJobModule, type CloudJobModuleOptions, type JobClient } from '../../src/nestjs/index.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { silentProbe } from '../../src/runtime/probe.js';
import { SchedulerService } from '../../src/scheduler/scheduler.service.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { ManualClock } from '../support/manual-clock.js';

const nothing = (): void => undefined;
/** What a host logs is no part of these tests. */
export const silentHost = { log: nothing, error: nothing, warn: nothing, debug: nothing };

/** Stores with a scheduler, on a manual clock. */
export async function cluster() {
  const clock = new ManualClock();
  const stores = new MemoryStores({ clock }, { shardCount: 2 });
  const deps = { clock, logger: silentLogger, metrics: new Metrics(), probe: silentProbe };
  const raiseEpoch = (shard: number) => stores.executions.raiseFence(shard, 'me');
  const elector = new StaticElector({ ...deps, raiseEpoch }, { member: 'me', shardCount: 2 });
  const scheduler = new SchedulerService({ ...deps, stores, elector });
  await scheduler.start();
  onTestFinished(async () => {
    const stopped = scheduler.stop();
    await clock.advance(2000);
    await stopped;
  });
  return { clock, stores };
}

/** An application with the given providers; closed when the test ends. */
export async function host(
  { clock, stores }: Awaited<ReturnType<typeof cluster>>,
  { providers, imports = [], ...settings }: HostOptions,
): Promise<{ app: TestingModule; client: JobClient; close: () => Promise<void> }> {
  const cloudjob = CloudJobModule.forRoot({ stores, clock, ...settings });
  const module = await Test.createTestingModule({
    imports: [cloudjob, ...imports],
    providers: [...providers],
  })
    .setLogger(silentHost)
    .compile();
  const app = await module.init();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    closing ??= app.close();
    await clock.advance(60_000);
    await closing;
  };
  onTestFinished(close);
  await clock.advance(0);
  return { app, client: app.get<JobClient>(CLOUDJOB_CLIENT), close };
}

export type HostOptions = {
  readonly providers: readonly Provider[];
  readonly imports?: readonly (Type | DynamicModule)[];
} & Omit<Extract<CloudJobModuleOptions, { stores: unknown }>, 'stores' | 'clock'>;
