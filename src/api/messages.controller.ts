import { randomUUID } from 'node:crypto';
import { Body, Controller, Headers, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { messageContentSchema, MAX_MESSAGE_TTL_MS, MIN_MESSAGE_TTL_MS } from '../comet/message.js';
import type { MessageSender, SentMessage } from '../comet/message-sender.js';
import { parseInput } from '../domain/input.js';
import { NAME, USER_ID } from '../domain/limits.js';

export const MESSAGE_SENDER = Symbol('MessageSender');

/** Names a message across repeated requests; the same key stores it once per user. */
const dedupKey = z.string().min(1).max(255);

const bodySchema = z.strictObject({
  users: z.array(USER_ID).min(1).max(1000),
  message: messageContentSchema,
  dedupKey: dedupKey.optional(),
  ttlMs: z.int().min(MIN_MESSAGE_TTL_MS).max(MAX_MESSAGE_TTL_MS).optional(),
});

const headersSchema = z.object({ 'idempotency-key': dedupKey.optional() });

@Controller('v1/namespaces/:namespace/messages')
export class MessagesController {
  readonly #sender: MessageSender;

  constructor(@Inject(MESSAGE_SENDER) sender: MessageSender) {
    this.#sender = sender;
  }

  /** Stores the message for every user before it answers; a user who is connected has it at once. */
  @Post()
  @HttpCode(200)
  async send(
    @Param('namespace') namespace: string,
    @Body() body: unknown,
    @Headers() headers: unknown,
  ): Promise<{ items: readonly SentMessage[] }> {
    const { users, message, ttlMs, ...input } = parseInput(bodySchema, body);
    const key = input.dedupKey ?? parseInput(headersSchema, headers)['idempotency-key'] ?? randomUUID();
    const items = await this.#sender.send({
      namespace: parseInput(z.object({ namespace: NAME }), { namespace }).namespace,
      users: [...new Set(users)],
      message,
      dedupKey: key,
      ttlMs,
    });
    return { items };
  }
}
