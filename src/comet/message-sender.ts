import { ValidationError } from '../domain/errors.js';
import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { userKeyOf, type AppendResult, type Mailbox, type NodeEvent } from './mailbox.js';
import { DEFAULT_MESSAGE_TTL_MS, type MessageContent } from './message.js';

export interface SendRequest {
  readonly namespace: string;
  readonly users: readonly string[];
  readonly message: MessageContent;
  /** Sending again under the same key stores nothing again; per user. */
  readonly dedupKey: string;
  /** The instant for which the message was planned. */
  readonly scheduledAt?: EpochMs | undefined;
  /** How long it may be delivered; default 30 days. */
  readonly ttlMs?: DurationMs | undefined;
}

/**
 * `delivered`: stored, and handed to the nodes that hold connections of the user (what the devices then have is
 * shown by their acknowledgements). `stored`: waits for the user. `duplicate`: the key was known.
 */
export type SendOutcome = 'delivered' | 'stored' | 'duplicate';

export interface SentMessage {
  readonly user: string;
  readonly outcome: SendOutcome;
  readonly epoch: string;
  readonly seq: number;
}

/** Users whose mailboxes are written at the same time. */
const CONCURRENCY = 200;

/** Sends messages to users: into the mailbox first, then to the nodes that hold their connections. */
export class MessageSender {
  readonly #mailbox: Mailbox;
  readonly #logger: Logger;
  readonly #metrics: Metrics;

  constructor({ mailbox, logger, metrics }: { mailbox: Mailbox; logger: Logger; metrics: Metrics }) {
    this.#mailbox = mailbox;
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /**
   * One result per user, in the order given. When it throws, some users may have the message: repeat it with
   * the same key. Errors: `ValidationError`, `StoreUnavailableError`.
   */
  async send(request: SendRequest): Promise<readonly SentMessage[]> {
    const { users } = request;
    if (users.length === 0) throw new ValidationError([{ field: 'users', message: 'names nobody' }]);
    const sent: SentMessage[] = [];
    for (let i = 0; i < users.length; i += CONCURRENCY) {
      sent.push(...(await this.#sendBatch(users.slice(i, i + CONCURRENCY), request)));
    }
    return sent;
  }

  async #sendBatch(users: readonly string[], request: SendRequest): Promise<readonly SentMessage[]> {
    const { namespace, message, dedupKey, scheduledAt, ttlMs = DEFAULT_MESSAGE_TTL_MS } = request;
    const { title, body, data } = message;
    const stored = { title, body, data, key: dedupKey, scheduledAt, ttlMs };
    const appended = await Promise.all(
      users.map(async (user) => ({ user, result: await this.#mailbox.append({ namespace, user }, stored) })),
    );
    const reached = await this.#publish(
      appended.flatMap(({ user, result }) => {
        const event = eventOf(userKeyOf({ namespace, user }), result);
        return result.nodes.map((node) => ({ node, event }));
      }),
    );
    return appended.map(({ user, result }) => {
      const isDelivered = result.nodes.some((node) => reached.has(node));
      const outcome = result.duplicate ? 'duplicate' : isDelivered ? 'delivered' : 'stored';
      this.#metrics.messagesSent.inc({ outcome });
      if (result.droppedCount > 0) this.#metrics.messagesSent.inc({ outcome: 'dropped' }, result.droppedCount);
      return { user, outcome, epoch: result.epoch, seq: result.seq };
    });
  }

  /** One publication per node. Returns the nodes that were told; the others find the message in the mailbox. */
  async #publish(items: readonly { node: string; event: NodeEvent }[]): Promise<ReadonlySet<string>> {
    const byNode = new Map<string, NodeEvent[]>();
    for (const { node, event } of items) {
      const events = byNode.get(node);
      if (events === undefined) byNode.set(node, [event]);
      else events.push(event);
    }
    const reached = new Set<string>();
    await Promise.all(
      [...byNode].map(async ([node, events]) => {
        try {
          await this.#mailbox.publish(node, events);
          reached.add(node);
        } catch (error) {
          this.#logger.warn('message-not-published', { node, error });
        }
      }),
    );
    return reached;
  }
}

/** A repeated message is announced by number only: the first attempt may have ended between storing and telling. */
function eventOf(user: ReturnType<typeof userKeyOf>, { epoch, seq, message }: AppendResult): NodeEvent {
  return message === undefined ? { type: 'top', user, epoch, seq } : { type: 'message', user, epoch, message };
}
