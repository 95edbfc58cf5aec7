import { Controller, Get, Headers, Inject, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import type { InboxItem, Mailbox, ReceiptKind, UserRef } from '../comet/mailbox.js';
import { toWireMessage, type WireMessage } from '../comet/message.js';
import type { Tickets } from '../comet/tickets.js';
import { RequestError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, NAME, USER_ID } from '../domain/limits.js';
import { toIso } from '../domain/time/instant.js';
import type { Page } from '../store/job-store.js';
import { Operation } from './operation.js';
import { Access } from './route-access.js';
import { bearerOf, TICKETS } from './tickets.controller.js';

export const MAILBOX = Symbol('Mailbox');

/** A message with what became of it. */
export interface InboxView extends WireMessage {
  /** With `seq`, the position that receipts name. */
  readonly epoch: string;
  /** The furthest that is known: `stored` waits for a device, `delivered` has reached one, the rest the user did. */
  readonly state: 'stored' | 'delivered' | ReceiptKind;
  readonly isRead: boolean;
  readonly receipts: { readonly [K in ReceiptKind]?: { readonly at: string; readonly device: string } };
}

const paramsSchema = z.object({ namespace: NAME, user: USER_ID });
const querySchema = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(DEFAULT_PAGE_SIZE),
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,15}$/, 'is not a cursor of this list')
    .transform(Number)
    .optional(),
});

const ownQuerySchema = querySchema.extend({ ticket: z.string().optional() });

@Controller('v1')
export class InboxController {
  readonly #mailbox: Mailbox;
  readonly #tickets: Tickets;

  constructor(@Inject(MAILBOX) mailbox: Mailbox, @Inject(TICKETS) tickets: Tickets) {
    this.#mailbox = mailbox;
    this.#tickets = tickets;
  }

  @Get('namespaces/:namespace/users/:user/inbox')
  @Operation({
    summary: 'Messages of a user, newest first, with what became of them',
    query: querySchema,
    answers: { 200: 'InboxPage' },
  })
  list(@Param() params: unknown, @Query() query: unknown): Promise<Page<InboxView>> {
    return this.#page(parseInput(paramsSchema, params), parseInput(querySchema, query));
  }

  @Get('comet/inbox')
  @Access({ isPublic: true })
  @Operation({
    summary: 'For pages with a ticket: the messages of its user, newest first',
    query: ownQuerySchema,
    answers: { 200: 'InboxPage' },
  })
  listOwn(
    @Headers('authorization') authorization: string | undefined,
    @Query() query: unknown,
  ): Promise<Page<InboxView>> {
    const { ticket, ...page } = parseInput(ownQuerySchema, query);
    const check = this.#tickets.check(bearerOf(authorization) ?? ticket ?? '');
    if (!check.valid) throw new RequestError('CJ_UNAUTHENTICATED', 'a valid ticket is required');
    return this.#page(check, page);
  }

  async #page(user: UserRef, { limit, cursor }: z.output<typeof querySchema>): Promise<Page<InboxView>> {
    const { epoch, items, nextBefore } = await this.#mailbox.listInbox(user, { limit, before: cursor });
    return {
      items: items.map((item) => inboxView(epoch, item)),
      ...(nextBefore === undefined ? {} : { nextCursor: String(nextBefore) }),
    };
  }
}

function inboxView(epoch: string, { message, delivered, receipts }: InboxItem): InboxView {
  const kinds = ['dismissed', 'snoozed', 'clicked', 'displayed'] as const;
  const furthest = kinds.find((kind) => receipts[kind] !== undefined);
  const views = kinds.flatMap((kind) => {
    const receipt = receipts[kind];
    return receipt === undefined ? [] : [[kind, { at: toIso(receipt.at), device: receipt.device }] as const];
  });
  return {
    ...toWireMessage(message),
    epoch,
    state: furthest ?? (delivered ? 'delivered' : 'stored'),
    isRead: furthest !== undefined,
    receipts: Object.fromEntries(views),
  };
}
