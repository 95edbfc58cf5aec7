import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Knows which connections wait for a request. Browsers and clients open some ahead, which the server's own
 * `closeIdleConnections` leaves alone as long as they carried none, so that it would wait for them for ever.
 */
export class UnusedConnections {
  readonly #sockets = new Map<Socket, { requests: number }>();
  #isClosing = false;

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#sockets.set(socket, { requests: 0 });
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const state = this.#sockets.get(request.socket);
      if (state === undefined) return;
      state.requests += 1;
      response.once('close', () => {
        state.requests -= 1;
        if (this.#isClosing && state.requests === 0) request.socket.destroySoon();
      });
    });
    server.on('upgrade', (request: IncomingMessage) => this.#sockets.delete(request.socket));
  }

  /** Closes those that wait now, and every other one when it has been answered. */
  close(): void {
    this.#isClosing = true;
    for (const [socket, { requests }] of this.#sockets) if (requests === 0) socket.destroy();
  }
}
