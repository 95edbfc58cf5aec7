import { Controller, Get, Inject, Query } from '@nestjs/common';
import { z } from 'zod';
import type { Gate, GateAnswer } from '../comet/gate.js';
import { DEFAULT_TICKET_TTL_MS, type Tickets } from '../comet/tickets.js';
import { RequestError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { NAME, USER_ID } from '../domain/limits.js';
import { toIso } from '../domain/time/instant.js';
import { Operation } from './operation.js';
import { Access } from './route-access.js';
import { TICKETS } from './tickets.controller.js';

export const GATE = Symbol('Gate');

const querySchema = z.object({ user: USER_ID, namespace: NAME.default('default') });
const ticketQuerySchema = z.object({ ticket: z.string() });

@Controller('v1')
export class GateController {
  readonly #gate: Gate;
  readonly #tickets: Tickets;

  constructor(@Inject(GATE) gate: Gate, @Inject(TICKETS) tickets: Tickets) {
    this.#gate = gate;
    this.#tickets = tickets;
  }

  @Get('gate')
  @Operation({
    summary: 'For services: the comet nodes that a user should try, best first, and a ticket',
    query: querySchema,
    answers: { 200: 'Gate' },
  })
  find(@Query() query: unknown): GateAnswer & { ticket: string; ticketExpiresAt: string } {
    const { ticket, expiresAt } = this.#tickets.issue(parseInput(querySchema, query), DEFAULT_TICKET_TTL_MS);
    return { ...this.#gate.rank(), ticket, ticketExpiresAt: toIso(expiresAt) };
  }

  @Get('comet/nodes')
  @Access({ isPublic: true })
  @Operation({
    summary: 'For pages with a ticket: the comet nodes to try, best first',
    query: ticketQuerySchema,
    answers: { 200: 'GateNodes' },
  })
  findAgain(@Query() query: unknown): GateAnswer {
    const { ticket } = parseInput(ticketQuerySchema, query);
    if (!this.#tickets.check(ticket).valid) {
      throw new RequestError('CJ_UNAUTHENTICATED', 'a valid ticket is required');
    }
    return this.#gate.rank();
  }
}
