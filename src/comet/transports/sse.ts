import type { ServerResponse } from 'node:http';
import { CLOSE_CODES, type CloseCode, type ServerFrame } from '../protocol.js';
import type { Transport } from './transport.js';

/** How long a browser waits before it connects again, in ms. */
const RETRY_MS = 3000;

/**
 * The same frames as server-sent events, one way. Every message is an event of its own whose id is the position
 * after it, so that `Last-Event-ID` resumes; the client acknowledges by POST.
 */
export class SseTransport implements Transport {
  readonly kind = 'sse';
  readonly answersPings = false;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Buffering proxies would hold events back until the end.
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
  }

  send(frame: ServerFrame): void {
    if (!this.#response.writableEnded && !this.#response.destroyed) this.#response.write(encodeFrame(frame));
  }

  flushed(): Promise<void> {
    if (!this.#response.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      this.#response.once('drain', done);
      this.#response.once('close', done);
    });
  }

  bufferedBytes(): number {
    return this.#response.writableLength;
  }

  close(code: CloseCode): void {
    if (this.#response.writableEnded) return;
    this.#response.end(event('close', { code, ...CLOSE_CODES[code] }));
  }

  destroy(): void {
    this.#response.destroy();
  }
}

export function encodeFrame(frame: ServerFrame): string {
  switch (frame.type) {
    case 'ping':
      return ': ping\n\n';
    case 'messages': {
      const { epoch, through, items } = frame;
      const events = items.map((item) => event('message', item, `${epoch}:${item.seq}`)).join('');
      // The end of the page may have expired or been dismissed: the position moves on without a message.
      return items.at(-1)?.seq === through ? events : events + event('position', {}, `${epoch}:${through}`);
    }
    case 'ready':
    case 'reset':
      return event(frame.type, frame, `${frame.epoch}:${frame.from}`);
    case 'receipt':
    case 'refreshed':
    case 'moved':
      return event(frame.type, frame);
  }
}

function event(name: string, data: object, id?: string): string {
  // JSON has no line breaks of its own, so one data line holds it.
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
