import type { IncomingMessage, ServerResponse } from 'node:http';
import { Body, Controller, Get, Headers, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Operation } from './operation.js';
import { Access } from './route-access.js';
import { bearerOf } from './tickets.controller.js';

/** The part of the comet service that answers ordinary requests; WebSockets reach it by the server's upgrades. */
export interface CometEndpoint {
  handleRequest(request: IncomingMessage, response: ServerResponse): void;
  acknowledge(ticket: string, body: unknown): Promise<boolean>;
}

export const COMET_ENDPOINT = Symbol('CometEndpoint');

/** Public because users come with tickets, not with the API key; the endpoint checks them. */
@Controller('v1/comet')
export class CometController {
  readonly #comet: CometEndpoint;

  constructor(@Inject(COMET_ENDPOINT) comet: CometEndpoint) {
    this.#comet = comet;
  }

  /** Server-sent events; the reply is the endpoint's from here on. */
  @Get()
  @Access({ isPublic: true, isStream: true })
  @Operation({
    summary: 'Messages of the user of the ticket, as they come; a WebSocket when the request asks for an upgrade',
    answers: { 200: { mediaType: 'text/event-stream', description: 'Server-sent events, resumed by Last-Event-ID' } },
  })
  stream(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    reply.hijack();
    this.#comet.handleRequest(request.raw, reply.raw);
  }

  @Post('ack')
  @HttpCode(200)
  @Access({ isPublic: true })
  @Operation({
    summary: 'What a device has received, or what the user did with a message; to any node',
    body: 'AcknowledgementInput',
    answers: { 200: 'Accepted' },
  })
  async acknowledge(
    @Headers('authorization') authorization: string | undefined,
    @Query('ticket') ticket: string | undefined,
    @Body() body: unknown,
  ): Promise<{ accepted: boolean }> {
    return { accepted: await this.#comet.acknowledge(bearerOf(authorization) ?? ticket ?? '', body) };
  }
}
