import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Service } from '../runtime/service.js';

export interface HttpServerDeps {
  readonly createApp: () => Promise<NestFastifyApplication>;
  /** Takes WebSocket upgrades; absent where this process has no comet role. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** The one port of a process: REST, page, health and comet connections. */
export class HttpServer extends Service {
  readonly name = 'http';
  readonly #deps: HttpServerDeps;
  readonly #config: { readonly host: string; readonly port: number };
  #app: NestFastifyApplication | undefined;

  constructor(deps: HttpServerDeps, config: { readonly host: string; readonly port: number }) {
    super();
    this.#deps = deps;
    this.#config = config;
  }

  /** Base URL under which this process listens; known once started. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    const host = this.#config.host.includes(':') ? `[${this.#config.host}]` : this.#config.host;
    return `http://${host}:${port}`;
  }

  protected async onStart(): Promise<void> {
    this.#app = await this.#deps.createApp();
    await this.#app.init();
    const { onUpgrade } = this.#deps;
    this.#server.on('upgrade', onUpgrade ?? ((_request, socket) => socket.destroy()));
    await this.#app.listen(this.#config.port, this.#config.host);
  }

  protected async onStop(): Promise<void> {
    await this.#app?.close();
  }

  get #server(): Server {
    if (this.#app === undefined) throw new Error('the HTTP server has not been started');
    return this.#app.getHttpServer();
  }
}
