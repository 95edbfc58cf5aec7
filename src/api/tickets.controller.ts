import { Body, Controller, Inject, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import type { Tickets } from '../comet/tickets.js';
import { parseInput } from '../domain/input.js';
import { NAME, USER_ID } from '../domain/limits.js';
import { toIso } from '../domain/time/instant.js';
import { ticketInputSchema } from './messaging-schemas.js';
import { Operation } from './operation.js';

export const TICKETS = Symbol('Tickets');

/** What an `Authorization: Bearer` header holds. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

const paramsSchema = z.object({ namespace: NAME, user: USER_ID });

@Controller('v1/namespaces/:namespace/users/:user/tickets')
export class TicketsController {
  readonly #tickets: Tickets;

  constructor(@Inject(TICKETS) tickets: Tickets) {
    this.#tickets = tickets;
  }

  /** A service that has signed its user in gets a ticket here and hands it to the user's page. */
  @Post()
  @Operation({ summary: 'A ticket with which one user connects', body: 'TicketInput', answers: { 201: 'Ticket' } })
  issue(@Param() params: unknown, @Body() body: unknown): { ticket: string; expiresAt: string } {
    const { ttlMs } = parseInput(ticketInputSchema, body ?? {});
    const { ticket, expiresAt } = this.#tickets.issue(parseInput(paramsSchema, params), ttlMs);
    return { ticket, expiresAt: toIso(expiresAt) };
  }
}
