import { parseInput } from '../domain/input.js';
import type { JsonObject, JsonValue } from '../domain/json.js';
import { discard, done, type HandlerOutcome } from '../domain/handler-outcome.js';
import { ValidationError } from '../domain/errors.js';
import { pushTargetSchema, type PushTarget } from '../domain/target.js';
import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import type { JobContext } from './job-context.js';

export interface PushMessage {
  readonly title: string;
  readonly body?: string;
  readonly data?: JsonValue;
}

export interface PushRequest {
  readonly namespace: string;
  readonly users: readonly string[];
  readonly message: PushMessage;
  /** The same message under the same key reaches a user once. */
  readonly dedupKey: string;
  readonly scheduledAt: EpochMs;
  readonly ttlMs?: DurationMs;
}

/** `delivered` = written to a live connection, `stored` = waits in the mailbox, `duplicate` = was there already. */
export interface PushResult {
  readonly user: string;
  readonly outcome: 'delivered' | 'stored' | 'duplicate';
}

/** Brings messages to users. Repeating a request is safe. */
export interface PushSender {
  send(request: PushRequest): Promise<readonly PushResult[]>;
}

/**
 * Sends the message of a job to its users. A trigger may bring its own `users` and parts of the `message` in
 * its data; these go before the job's. Done when every user has the message or finds it in the mailbox.
 */
export class PushCaller {
  readonly #sender: PushSender;

  constructor(deps: { sender: PushSender }) {
    this.#sender = deps.sender;
  }

  async call(target: PushTarget, context: JobContext): Promise<HandlerOutcome> {
    let wanted: PushTarget;
    try {
      wanted = parseInput(pushTargetSchema, merged(target, context.data));
    } catch (error) {
      if (error instanceof ValidationError) return discard(error.message);
      throw error;
    }
    if (wanted.users === undefined) return discard('neither the job nor its data names users');
    if (wanted.message === undefined) return discard('neither the job nor its data has a message');
    const results = await this.#sender.send({
      namespace: context.namespace,
      users: wanted.users,
      message: messageOf(wanted.message),
      dedupKey: context.idempotencyKey,
      scheduledAt: context.nominalAt.getTime(),
      ...(wanted.ttlMs === undefined ? {} : { ttlMs: wanted.ttlMs }),
    });
    const counts = { delivered: 0, stored: 0, duplicate: 0 };
    for (const { outcome } of results) counts[outcome] += 1;
    return done(counts);
  }
}

function messageOf({ title, body, data }: NonNullable<PushTarget['message']>): PushMessage {
  return { title, ...(body === undefined ? {} : { body }), ...(data === undefined ? {} : { data }) };
}

function merged(target: PushTarget, data: unknown): unknown {
  if (!isObject(data)) return target;
  const { users, message } = data;
  return {
    ...target,
    ...(users === undefined ? {} : { users }),
    ...(message === undefined ? {} : { message: isObject(message) ? { ...target.message, ...message } : message }),
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
