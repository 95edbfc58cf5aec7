import { z } from 'zod';
import { HANDLER_NAME, MESSAGE_LIMITS, USER_ID } from './limits.js';

const messageTemplate = z.strictObject({
  title: z.string().min(1).max(MESSAGE_LIMITS.titleLength),
  body: z.string().max(MESSAGE_LIMITS.bodyLength).optional(),
  data: z.json().optional(),
});

export const handlerTargetSchema = z.strictObject({
  type: z.literal('handler'),
  handler: HANDLER_NAME,
});

export const httpTargetSchema = z.strictObject({
  type: z.literal('http'),
  url: z.url({ protocol: /^https?$/, error: 'must be an absolute http or https URL' }).max(2048),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
      z
        .string()
        .max(1024)
        .regex(/^[^\r\n\0]*$/),
    )
    .optional(),
  signingSecret: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/=]{32,88}$/, 'must be `whsec_` followed by 24 to 64 bytes in base64')
    .optional(),
});

export const pushTargetSchema = z.strictObject({
  type: z.literal('push'),
  /** May be left out where every trigger names its own `users` in its data. */
  users: z.array(USER_ID).min(1).max(1000).optional(),
  message: messageTemplate.optional(),
  ttlMs: z.int().min(1000).max(31_536_000_000).optional(),
});

export const targetSchema = z.discriminatedUnion('type', [handlerTargetSchema, httpTargetSchema, pushTargetSchema]);

export type HandlerTarget = z.output<typeof handlerTargetSchema>;
export type HttpTarget = z.output<typeof httpTargetSchema>;
export type PushTarget = z.output<typeof pushTargetSchema>;

/** Where an execution goes: a named handler in a host service, a signed HTTP call, or users' connections. */
export type Target = HandlerTarget | HttpTarget | PushTarget;

/**
 * Name of the sub-queue that an execution waits in. A worker claims only from lanes that it can serve, so
 * nobody is ever given a handler it does not have.
 */
export type Lane = `${string}/handler/${string}` | `${string}/http` | `${string}/push`;

export function laneOf(queue: string, target: Target): Lane {
  return target.type === 'handler' ? `${queue}/handler/${target.handler}` : `${queue}/${target.type}`;
}
