import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import request from 'supertest';
import type TestAgent from 'supertest/lib/agent.js';
import { ApiModule, type ApiModuleOptions } from '../../../src/api/api.module.js';
import { createHttpApp } from '../../../src/api/http-app.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { MemoryStores } from '../../../src/store/memory/memory-stores.js';
import type { Stores } from '../../../src/store/stores.js';
import { ManualClock } from '../../support/manual-clock.js';

export const API_KEY = 'key-of-the-tests-0123456789abcdef';

/** The API over a store, reachable through `call` with the key already set. */
export interface ApiServer {
  readonly app: NestFastifyApplication;
  readonly stores: Stores;
  readonly clock: ManualClock;
  readonly metrics: Metrics;
  readonly url: string;
  readonly call: TestAgent;
  readonly callWithoutKey: TestAgent;
  stop(): Promise<void>;
}

@Module({})
class RootModule {}

export async function startApi(
  options: Partial<ApiModuleOptions> & { openMetrics?: boolean } = {},
): Promise<ApiServer> {
  const { openMetrics = false, ...given } = options;
  const clock = new ManualClock();
  const metrics = given.metrics ?? new Metrics();
  const logger = given.logger ?? silentLogger;
  const stores = given.stores ?? new MemoryStores({ clock }, {});
  if (given.stores === undefined) await stores.start();
  const api = ApiModule.register({ services: [stores], clock, logger, metrics, ...given, stores });
  const app = await createHttpApp(
    { module: RootModule, imports: [api] },
    { metrics },
    { apiKey: API_KEY, openMetrics },
  );
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    stores,
    clock,
    metrics,
    url,
    call: request.agent(url).set('authorization', `Bearer ${API_KEY}`),
    callWithoutKey: request.agent(url),
    stop: async () => {
      await app.close();
      if (given.stores === undefined) await stores.stop();
    },
  };
}
