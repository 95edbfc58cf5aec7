import { describe, expect, it } from 'vitest';
import type { IncomingMessage } from 'node:http';
import { parsePosition, readConnectRequest } from '../../src/comet/connect-request.js';
import { CLOSE_CODES, closeReason, parseClientFrame, type CloseCode } from '../../src/comet/protocol.js';
import { encodeFrame } from '../../src/comet/transports/sse.js';

const codes = Object.keys(CLOSE_CODES).map(Number) as CloseCode[];

describe('close codes', () => {
  it('fit a close frame and say in their number whether to come back', () => {
    for (const code of codes) {
      expect(Buffer.byteLength(closeReason(code))).toBeLessThanOrEqual(123);
      expect(CLOSE_CODES[code].reconnect).toBe(code >= 4100);
      expect(code).toBeLessThan(4300);
    }
  });
});

describe('client frames', () => {
  it('are read when they are of the protocol', () => {
    for (const frame of [
      { type: 'hello', device: 'phone' },
      { type: 'hello', device: 'phone', position: { epoch: 'abc', seq: 0 } },
      { type: 'ack', epoch: 'abc', seq: 3 },
      { type: 'receipt', epoch: 'abc', seq: 3, kind: 'snoozed' },
      { type: 'sync', seq: 3 },
      { type: 'refresh', ticket: 'a.b' },
      { type: 'pong' },
    ]) {
      expect(parseClientFrame(JSON.stringify(frame))).toEqual(frame);
    }
  });

  it('are refused when anything is off', () => {
    for (const text of [
      '',
      'null',
      '[]',
      '{"type":"hello"}',
      '{"type":"hello","device":"a b"}',
      '{"type":"hello","device":"a","position":{"epoch":"","seq":0}}',
      '{"type":"ack","epoch":"abc","seq":1.5}',
      '{"type":"receipt","epoch":"abc","seq":1,"kind":"eaten"}',
      '{"type":"ack","epoch":"abc","seq":9007199254740993}',
    ]) {
      expect(parseClientFrame(text)).toBeNull();
    }
  });
});

describe('server-sent events', () => {
  const item = { seq: 7, key: 'k', title: 'line one\nline two', sentAt: 'x', expiresAt: 'y' };

  it('carry one message each, with the position after it as id', () => {
    const frame = { type: 'messages', epoch: 'abc', after: 6, through: 7, items: [item] } as const;
    expect(encodeFrame(frame)).toBe(`id: abc:7\nevent: message\ndata: ${JSON.stringify(item)}\n\n`);
  });

  it('move the position on when the end of a page has expired', () => {
    const frame = { type: 'messages', epoch: 'abc', after: 6, through: 9, items: [item] } as const;
    expect(encodeFrame(frame)).toMatch(/\n\nid: abc:9\nevent: position\ndata: {}\n\n$/);
  });

  it('are a comment for a ping', () => {
    expect(encodeFrame({ type: 'ping' })).toBe(': ping\n\n');
  });
});

describe('positions in text', () => {
  it('are epoch and number', () => {
    expect(parsePosition('6a80dcc5b5f3:17')).toEqual({ epoch: '6a80dcc5b5f3', seq: 17 });
    for (const text of ['', '17', 'abc:', ':1', 'abc:-1', 'abc:1:2', 'a b:1'])
      expect(parsePosition(text)).toBeUndefined();
  });
});

describe('requests for a connection', () => {
  const read = (url: string, headers: Record<string, string> = {}) =>
    readConnectRequest({ url, headers: { host: 'comet.example', ...headers } } as unknown as IncomingMessage, [
      'https://app.example',
    ]);

  it('carry ticket, device and position in any of the agreed places', () => {
    const expected = { path: '/v1/comet', ticket: 'a.b', device: 'tv', position: { epoch: 'e1', seq: 3 } };
    expect(read('/v1/comet?ticket=a.b&device=tv&last_event_id=e1:3')).toMatchObject(expected);
    expect(read('/v1/comet?ticket=a.b&device=tv&lastEventId=e1:3')).toMatchObject(expected);
    expect(read('/v1/comet?device=tv', { authorization: 'Bearer a.b', 'last-event-id': 'e1:3' })).toMatchObject(
      expected,
    );
    const protocols = { 'sec-websocket-protocol': 'cloudjob.v1, cloudjob.ticket.a.b' };
    expect(read('/v1/comet', protocols)).toMatchObject({ ticket: 'a.b', device: 'unnamed', position: undefined });
  });

  it('are read whatever is written there', () => {
    for (const url of ['', '//[', 'http://[', '/%', '/v1/comet?%&device=%00&ticket', '*', '?'.repeat(100)]) {
      expect(read(url)).toMatchObject({ device: 'unnamed', position: undefined });
    }
  });

  it('come from programs, from pages of this host, or from pages that are named', () => {
    expect(read('/').isOriginAllowed).toBe(true);
    for (const origin of ['https://comet.example', 'http://comet.example', 'https://app.example']) {
      expect(read('/', { origin }).isOriginAllowed).toBe(true);
    }
    for (const origin of [
      'null',
      '',
      'https://comet.example.evil.example',
      'https://app.example:444',
      'https://comet.example:1',
    ]) {
      expect(read('/', { origin }).isOriginAllowed).toBe(false);
    }
  });
});
