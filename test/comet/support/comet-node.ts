import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CometService, type CometConfig } from '../../../src/comet/comet.service.js';
import type { Mailbox } from '../../../src/comet/mailbox.js';
import { MessageSender } from '../../../src/comet/message-sender.js';
import { Tickets } from '../../../src/comet/tickets.js';
import type { Clock } from '../../../src/runtime/clock.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import type { NodeRegistry } from '../../../src/store/node-registry.js';
import { RecordingProbe } from '../../support/wait.js';

export const API_KEY = 'test-key-of-at-least-32-characters!!';

export interface CometNode {
  readonly service: CometService;
  readonly server: Server;
  readonly sender: MessageSender;
  readonly tickets: Tickets;
  readonly metrics: Metrics;
  readonly probe: RecordingProbe;
  readonly host: string;
  /** Stops the service, then the server. Idempotent. */
  stop(): Promise<void>;
}

export interface CometNodeOptions {
  readonly mailbox: Mailbox;
  readonly registry: NodeRegistry;
  readonly clock?: Clock;
  readonly config?: Partial<CometConfig>;
}

let count = 0;

/** A comet node on a server of its own. */
export async function startCometNode({
  mailbox,
  registry,
  clock = systemClock,
  config = {},
}: CometNodeOptions): Promise<CometNode> {
  const probe = new RecordingProbe();
  const metrics = new Metrics();
  const tickets = new Tickets({ clock }, { apiKey: API_KEY });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service = new CometService(
    { mailbox, tickets, registry, clock, logger: silentLogger, metrics, probe },
    {
      node: `node-${process.pid}-${++count}`,
      url: () => `http://${host}`,
      allowedOrigins: [],
      maxConnections: 1000,
      timing: { helloMs: 10_000, pingMs: 25_000, pongMs: 10_000 },
      drainMs: 200,
      ...config,
    },
  );
  server.on('upgrade', (request, socket, head) => service.handleUpgrade(request, socket, head));
  server.on('request', (request, response) => service.handleRequest(request, response));
  await service.start();
  const sender = new MessageSender({ mailbox, logger: silentLogger, metrics });
  const stop = async (): Promise<void> => {
    await service.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { service, server, sender, tickets, metrics, probe, host, stop };
}
