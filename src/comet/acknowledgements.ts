import type { Logger } from '../runtime/logger.js';
import { userKeyOf, type Mailbox, type Receipt, type ReceiptOutcome, type UserRef } from './mailbox.js';
import type { Acknowledgement } from './protocol.js';

/** What devices say about messages, over a connection or by POST to any node. */
export class Acknowledgements {
  readonly #mailbox: Mailbox;
  readonly #logger: Logger;

  constructor({ mailbox, logger }: { mailbox: Mailbox; logger: Logger }) {
    this.#mailbox = mailbox;
    this.#logger = logger;
  }

  /** False when it names a position or message that the mailbox does not have (any more). */
  async apply(user: UserRef, said: Acknowledgement): Promise<boolean> {
    const position = { epoch: said.epoch, seq: said.seq };
    if (said.type === 'ack') return this.#mailbox.acknowledge(user, said.device, position);
    return (await this.record(user, { position, kind: said.kind, device: said.device })) !== 'unknown';
  }

  /** Records the receipt and tells the user's other connections. */
  async record(user: UserRef, receipt: Receipt): Promise<ReceiptOutcome> {
    const { outcome, nodes } = await this.#mailbox.recordReceipt(user, receipt);
    const { position, kind, device } = receipt;
    const event = { type: 'receipt', user: userKeyOf(user), ...position, kind, device } as const;
    await Promise.all(nodes.map((node) => this.#mailbox.publish(node, [event]))).catch((error: unknown) => {
      // It is recorded; the other devices see it when they look.
      this.#logger.warn('receipt-not-published', { error });
    });
    return outcome;
  }
}
