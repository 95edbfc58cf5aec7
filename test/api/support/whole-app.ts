import { request } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from '../../../src/app.module.js';
import { createHttpApp } from '../../../src/api/http-app.js';
import { CometService } from '../../../src/comet/comet.service.js';
import { DEFAULT_CONNECTION_TIMING } from '../../../src/comet/connection.js';
import { Gate } from '../../../src/comet/gate.js';
import { MemoryMailbox } from '../../../src/comet/memory/memory-mailbox.js';
import { MessageSender } from '../../../src/comet/message-sender.js';
import { Tickets } from '../../../src/comet/tickets.js';
import { silentLogger as logger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { silentProbe as probe } from '../../../src/runtime/probe.js';
import { MemoryStores } from '../../../src/store/memory/memory-stores.js';
import { ManualClock } from '../../support/manual-clock.js';
import { API_KEY } from './api-server.js';

export interface Route {
  readonly method: string;
  /** As registered, with `:parameters`. */
  readonly url: string;
  readonly isPublic: boolean;
}

export interface WholeApp {
  readonly app: NestFastifyApplication;
  readonly routes: readonly Route[];
  /** Sends the path as it is; answers with the status. */
  status(method: string, path: string, headers?: Record<string, string>): Promise<number>;
  stop(): Promise<void>;
}

/** Every controller of a process with all roles, and the list of its routes. */
export async function startWholeApp(): Promise<WholeApp> {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const stores = new MemoryStores({ clock });
  const mailbox = new MemoryMailbox({ clock });
  const tickets = new Tickets({ clock }, { apiKey: API_KEY });
  const sender = new MessageSender({ mailbox, logger, metrics });
  const { registry } = stores;
  const gate = new Gate({ registry, clock, logger, random: Math.random }, { heartbeatMs: 1000 });
  const comet = new CometService(
    { mailbox, tickets, registry, clock, logger, metrics, probe },
    {
      node: 'n1',
      url: () => 'http://127.0.0.1',
      allowedOrigins: [],
      maxConnections: 10,
      timing: DEFAULT_CONNECTION_TIMING,
      drainMs: 100,
    },
  );
  const parts = { stores, services: [stores], clock, logger, metrics, mailbox, sender, tickets, gate, comet };
  const remindersOf = (): never => {
    throw new Error('no test asks for reminders here');
  };
  const app = await createHttpApp(
    AppModule.of({ ...parts, remindersOf, servesApi: true }),
    { metrics },
    { apiKey: API_KEY, openMetrics: false },
  );
  const routes: Route[] = [{ method: 'GET', url: '/openapi.json', isPublic: false }];
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRoute', ({ method, url, config }) => {
      for (const name of [method].flat()) routes.push({ method: name, url, isPublic: config?.isPublic === true });
    });
  await app.listen(0, '127.0.0.1');
  const port = Number(new URL(await app.getUrl()).port);
  return {
    app,
    routes,
    status: (method, path, headers = {}) =>
      new Promise((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
          resolve(response.statusCode ?? 0);
          response.destroy();
        });
        sent.on('error', reject).end();
      }),
    stop: () => app.close(),
  };
}
