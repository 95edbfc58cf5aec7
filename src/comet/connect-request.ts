import type { IncomingMessage } from 'node:http';
import { isName } from '../domain/limits.js';
import type { Position } from './mailbox.js';
import { SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX } from './protocol.js';

/** What an HTTP request that wants a connection says. */
export interface ConnectRequest {
  readonly path: string;
  readonly ticket: string;
  /** Only where the stream starts without a `hello`. */
  readonly device: string;
  readonly position: Position | undefined;
  readonly isOriginAllowed: boolean;
  readonly origin: string | undefined;
}

/**
 * Reads the ticket from `Authorization: Bearer`, from the subprotocols or from `?ticket=`, in this order; the
 * position from `Last-Event-ID` or, as a browser cannot set it on a first request, from `?last_event_id=`.
 * A request without Origin comes from a program, not from a page; one with an Origin must be of the same host
 * or in the list.
 */
export function readConnectRequest(request: IncomingMessage, allowedOrigins: readonly string[]): ConnectRequest {
  // Split by hand: whatever a client writes there, nothing is thrown.
  const [path = '', ...rest] = (request.url ?? '').split('?');
  const query = new URLSearchParams(rest.join('?'));
  const origin = request.headers.origin;
  const device = query.get('device') ?? '';
  const lastEventId =
    headerText(request, 'last-event-id') ?? query.get('last_event_id') ?? query.get('lastEventId') ?? undefined;
  return {
    path,
    ticket: bearer(request) ?? subprotocolTicket(request) ?? query.get('ticket') ?? '',
    device: isName(device) ? device : 'unnamed',
    position: lastEventId === undefined ? undefined : parsePosition(lastEventId),
    isOriginAllowed: origin === undefined || isSameHost(origin, request) || allowedOrigins.includes(origin),
    origin,
  };
}

/** `epoch:seq`; undefined for anything else. */
export function parsePosition(text: string): Position | undefined {
  const match = /^([0-9A-Za-z]{1,32}):(\d{1,16})$/.exec(text);
  const [, epoch, seq] = match ?? [];
  return epoch === undefined || seq === undefined ? undefined : { epoch, seq: Number(seq) };
}

/** The protocol to answer with; false when the client offers none of ours. */
export function chooseSubprotocol(offered: ReadonlySet<string>): string | false {
  return offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false;
}

function bearer(request: IncomingMessage): string | undefined {
  const match = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '');
  return match?.[1];
}

function subprotocolTicket(request: IncomingMessage): string | undefined {
  const offered = (headerText(request, 'sec-websocket-protocol') ?? '').split(',').map((text) => text.trim());
  return offered.find((text) => text.startsWith(TICKET_SUBPROTOCOL_PREFIX))?.slice(TICKET_SUBPROTOCOL_PREFIX.length);
}

function headerText(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function isSameHost(origin: string, request: IncomingMessage): boolean {
  try {
    return new URL(origin).host === request.headers.host;
  } catch {
    return false;
  }
}
