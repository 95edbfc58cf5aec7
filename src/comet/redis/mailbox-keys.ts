import { userKeyOf, type UserRef } from '../mailbox.js';

/**
 * Names of every key and channel of the comet part; `docs/comet.md` lists them. All keys of one user share a
 * hash tag, so that a script touches one slot.
 */
export class MailboxKeys {
  readonly #cluster: string;

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  /** Hash: epoch, top, cut. */
  mailbox(user: UserRef): string {
    return `${this.#tag(user)}:mailbox`;
  }

  /** Stream: one entry a message, id `<number>-0`. */
  messages(user: UserRef): string {
    return `${this.#tag(user)}:messages`;
  }

  /** Hash: connection -> `<refreshed at> <node> <transport> <device>`. */
  routes(user: UserRef): string {
    return `${this.#tag(user)}:routes`;
  }

  /** Hash: device -> `<number> <instant>`. */
  acknowledged(user: UserRef): string {
    return `${this.#tag(user)}:acknowledged`;
  }

  /** Hash: `<number>:<kind>` -> `<instant> <device>`. */
  receipts(user: UserRef): string {
    return `${this.#tag(user)}:receipts`;
  }

  /** String: number of the message that was sent under this key. */
  known(user: UserRef, key: string): string {
    return `${this.#tag(user)}:known:${key}`;
  }

  /** Channel on which one comet node is told about its users. */
  nodeChannel(node: string): string {
    return `cj:${this.#cluster}:comet:${node}`;
  }

  #tag(user: UserRef): string {
    return `cj:{${this.#cluster}:${userKeyOf(user)}}`;
  }
}
