import type { OutgoingHttpHeaders } from 'node:http';
import { Controller, Get, Inject, Query, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseInput } from '../domain/input.js';
import { NAME } from '../domain/limits.js';
import { API_DEPS, type ApiDeps } from './api-deps.js';
import { EventStreams } from './event-streams.js';
import { Operation } from './operation.js';
import { Access } from './route-access.js';

const MAX_STREAMS = 100;
const HEARTBEAT_MS = 15_000;

const eventQuerySchema = z.strictObject({ namespace: NAME.optional(), type: NAME.optional() });

@Controller('v1/events')
export class EventsController implements OnModuleDestroy {
  readonly #streams: EventStreams;

  constructor(@Inject(API_DEPS) { stores, clock }: ApiDeps) {
    this.#streams = new EventStreams(
      { events: stores.events, clock },
      { maxStreams: MAX_STREAMS, heartbeatMs: HEARTBEAT_MS },
    );
  }

  @Get()
  @Access({ isStream: true })
  @Operation({
    summary: 'What happens in the cluster, as it happens; best effort, nothing is sent again',
    query: eventQuerySchema,
    answers: { 200: { mediaType: 'text/event-stream', description: 'Server-sent events with JSON data' } },
  })
  async open(@Query() query: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const filter = parseInput(eventQuerySchema, query);
    if (request.method !== 'HEAD') await this.#streams.join(reply.raw, filter);
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    if (request.method === 'HEAD') reply.raw.end();
    else reply.raw.write(': open\n\n');
  }

  /** Streams would otherwise keep the server from closing. */
  onModuleDestroy(): void {
    this.#streams.close();
  }
}
