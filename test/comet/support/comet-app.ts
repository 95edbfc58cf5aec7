import type { Type } from '@nestjs/common';
import { COMET_ENDPOINT, CometController } from '../../../src/api/comet.controller.js';
import { GATE, GateController } from '../../../src/api/gate.controller.js';
import { InboxController, MAILBOX } from '../../../src/api/inbox.controller.js';
import { MESSAGE_SENDER, MessagesController } from '../../../src/api/messages.controller.js';
import { PageController } from '../../../src/api/page.controller.js';
import { TICKETS, TicketsController } from '../../../src/api/tickets.controller.js';
import { CometService, type CometConfig } from '../../../src/comet/comet.service.js';
import { Gate } from '../../../src/comet/gate.js';
import { MemoryMailbox } from '../../../src/comet/memory/memory-mailbox.js';
import type { Mailbox } from '../../../src/comet/mailbox.js';
import { MessageSender } from '../../../src/comet/message-sender.js';
import { Tickets } from '../../../src/comet/tickets.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { MemoryStores } from '../../../src/store/memory/memory-stores.js';
import { API_KEY, startApi, type ApiServer } from '../../api/support/api-server.js';
import { RecordingProbe } from '../../support/wait.js';

export interface CometApp {
  readonly api: ApiServer;
  readonly comet: CometService;
  readonly gate: Gate;
  readonly sender: MessageSender;
  readonly mailbox: Mailbox;
  readonly stores: MemoryStores;
  readonly probe: RecordingProbe;
  readonly host: string;
  stop(): Promise<void>;
}

/** The HTTP application with the comet part in it, as a process with the roles api and comet has it. */
export async function startCometApp(
  config: Partial<CometConfig> = {},
  extraControllers: readonly Type[] = [],
): Promise<CometApp> {
  const deps = { clock: systemClock, logger: silentLogger, metrics: new Metrics(), probe: new RecordingProbe() };
  const stores = new MemoryStores(deps, { shardCount: 2 });
  const mailbox = new MemoryMailbox(deps);
  const tickets = new Tickets(deps, { apiKey: API_KEY });
  const gate = new Gate({ ...deps, registry: stores.registry, random: Math.random }, { heartbeatMs: 25_000 });
  const sender = new MessageSender({ ...deps, mailbox });
  let url = '';
  const comet = new CometService(
    { ...deps, mailbox, tickets, registry: stores.registry },
    {
      node: `app-${process.pid}`,
      url: () => url,
      allowedOrigins: [],
      maxConnections: 1000,
      timing: { helloMs: 10_000, pingMs: 25_000, pongMs: 10_000 },
      drainMs: 500,
      ...config,
    },
  );
  await stores.start();
  const api = await startApi({
    ...deps,
    stores,
    services: [stores, comet],
    extraControllers: [
      CometController,
      GateController,
      InboxController,
      MessagesController,
      PageController,
      TicketsController,
      ...extraControllers,
    ],
    extraProviders: [
      { provide: COMET_ENDPOINT, useValue: comet },
      { provide: GATE, useValue: gate },
      { provide: MAILBOX, useValue: mailbox },
      { provide: MESSAGE_SENDER, useValue: sender },
      { provide: TICKETS, useValue: tickets },
    ],
  });
  const server = api.app.getHttpServer();
  server.on('upgrade', (request, socket, head) => comet.handleUpgrade(request, socket, head));
  url = api.url;
  await comet.start();
  await gate.start();
  await gate.refresh();
  return {
    api,
    comet,
    gate,
    sender,
    mailbox,
    stores,
    probe: deps.probe,
    host: new URL(api.url).host,
    stop: async () => {
      await gate.stop();
      await comet.stop();
      await api.stop();
      await stores.stop();
    },
  };
}
