import type { WebSocket } from 'ws';
import { closeReason, type CloseCode, type ServerFrame } from '../protocol.js';
import type { Transport } from './transport.js';

/** Frames as JSON texts over one WebSocket. */
export class WebSocketTransport implements Transport {
  readonly kind = 'websocket';
  readonly answersPings = true;
  readonly #socket: WebSocket;
  #unwritten = 0;
  #onFlushed: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  send(frame: ServerFrame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#unwritten += 1;
    // Called also when the socket breaks before the text was written.
    this.#socket.send(JSON.stringify(frame), () => this.#written());
  }

  flushed(): Promise<void> {
    if (this.#unwritten === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onFlushed.push(resolve));
  }

  bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  close(code: CloseCode): void {
    this.#socket.close(code, closeReason(code));
  }

  destroy(): void {
    this.#socket.terminate();
  }

  #written(): void {
    this.#unwritten -= 1;
    if (this.#unwritten > 0) return;
    const waiting = this.#onFlushed;
    this.#onFlushed = [];
    for (const resolve of waiting) resolve();
  }
}
