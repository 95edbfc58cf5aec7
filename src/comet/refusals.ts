import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { closeReason, type CloseCode } from './protocol.js';

/** Answers an upgrade with an HTTP status instead. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on('error', () => undefined);
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
}

/** Closes an accepted WebSocket with a code that its client can read. */
export function refuseWebSocket(webSocket: WebSocket, code: CloseCode): void {
  webSocket.on('error', () => undefined);
  webSocket.close(code, closeReason(code));
}

/** Answers a request with a status and nothing else. */
export function endWith(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0, ...(status === 503 ? { 'retry-after': '2' } : {}) }).end();
}
