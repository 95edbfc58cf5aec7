import { randomUUID } from 'node:crypto';
import { Body, Controller, Headers, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import type { MessageSender, SentMessage } from '../comet/message-sender.js';
import { parseInput } from '../domain/input.js';
import { NAME } from '../domain/limits.js';
import { dedupKeySchema, messageInputSchema } from './messaging-schemas.js';
import { Operation } from './operation.js';

export const MESSAGE_SENDER = Symbol('MessageSender');

const headersSchema = z.object({ 'idempotency-key': dedupKeySchema.optional() });
const paramsSchema = z.object({ namespace: NAME });

@Controller('v1/namespaces/:namespace/messages')
export class MessagesController {
  readonly #sender: MessageSender;

  constructor(@Inject(MESSAGE_SENDER) sender: MessageSender) {
    this.#sender = sender;
  }

  @Post()
  @HttpCode(200)
  @Operation({
    summary: 'Send a message to users; stored for each of them before the answer',
    body: 'MessageInput',
    headers: ['Idempotency-Key'],
    answers: { 200: 'SentMessages' },
  })
  async send(
    @Param() params: unknown,
    @Body() body: unknown,
    @Headers() headers: unknown,
  ): Promise<{ items: readonly SentMessage[] }> {
    const { users, message, ttlMs, ...input } = parseInput(messageInputSchema, body);
    const key = input.dedupKey ?? parseInput(headersSchema, headers)['idempotency-key'] ?? randomUUID();
    const items = await this.#sender.send({
      namespace: parseInput(paramsSchema, params).namespace,
      users: [...new Set(users)],
      message,
      dedupKey: key,
      ttlMs,
    });
    return { items };
  }
}
