import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterEvent } from '../../src/store/event-bus.js';
import { eventually } from '../support/wait.js';
import { API_KEY, startApi, type ApiServer } from './support/api-server.js';

let api: ApiServer;
let streams: AbortController;
beforeEach(async () => {
  api = await startApi();
  streams = new AbortController();
});
afterEach(async () => {
  streams.abort();
  await api.stop();
});

/** An open stream; `until` reads on until the text holds what is looked for. */
async function open(query = '') {
  const response = await fetch(`${api.url}/v1/events${query}`, {
    headers: { authorization: `Bearer ${API_KEY}` },
    signal: streams.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    response,
    until: async (part: string): Promise<string> => {
      while (!text.includes(part)) {
        const next = await reader?.read();
        if (next === undefined || next.done) throw new Error(`the stream ended with ${text}`);
        text += next.value;
      }
      return text;
    },
    ended: async () => {
      for (;;) if ((await reader?.read())?.done === true) return true;
    },
  };
}

const fired: ClusterEvent = {
  type: 'fired',
  at: Date.parse('2026-11-21T09:00:00Z'),
  namespace: 'app',
  facts: { job: 'report', execution: '1-2-3' },
};

describe('the event stream', () => {
  it('shows what happens', async () => {
    const stream = await open();
    expect(stream.response.status).toBe(200);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.response.headers.get('x-request-id')).not.toBeNull();
    api.stores.events.publish([fired]);
    expect(await stream.until('\n\n')).toContain(': open\n\n');
    expect(await stream.until('execution')).toContain(
      'event: fired\ndata: {"type":"fired","at":"2026-11-21T09:00:00.000Z","namespace":"app","job":"report","execution":"1-2-3"}\n\n',
    );
  });

  it('shows only what was asked for', async () => {
    const stream = await open('?namespace=app&type=failed');
    const failed: ClusterEvent = { ...fired, type: 'failed' };
    api.stores.events.publish([fired, { ...failed, namespace: 'other' }, failed]);
    const text = await stream.until('event: failed');
    expect(text).not.toContain('event: fired');
    expect(text).not.toContain('other');
  });

  it('sends comments while nothing happens', async () => {
    const stream = await open();
    await stream.until('open');
    await api.clock.advance(15_000);
    await stream.until(': heartbeat\n\n');
  });

  it('has a limit, and a place becomes free when somebody leaves', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => open()));
    expect(all.every((stream) => stream.response.status === 200)).toBe(true);
    const refused = await api.call.get('/v1/events');
    expect(refused.status).toBe(429);
    expect(refused.body.code).toBe('CJ_LIMIT_EXCEEDED');
    expect(refused.headers['retry-after']).toBe('1');
    streams.abort();
    streams = new AbortController();
    const again = await eventually('a free place', async () => {
      const stream = await open();
      return stream.response.status === 200 && stream;
    });
    expect(again.response.status).toBe(200);
  });

  it('lets go of everything when the last one leaves', async () => {
    await (await open()).until('open');
    expect(api.clock.pending).toBe(1);
    streams.abort();
    await eventually('the heartbeat to end', () => api.clock.pending === 0);
  });

  it('ends when the server stops', async () => {
    const stream = await open();
    await stream.until('open');
    await Promise.all([api.app.close(), stream.ended()]);
  });

  it('refuses unknown filters, and has no body for HEAD', async () => {
    expect((await api.call.get('/v1/events?job=x')).body.violations[0].field).toBe('job');
    expect((await api.call.head('/v1/events')).status).toBe(200);
    expect(api.clock.pending).toBe(0);
  });
});
