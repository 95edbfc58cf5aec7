import type { CloseCode, ServerFrame } from '../../../src/comet/protocol.js';
import type { Transport } from '../../../src/comet/transports/transport.js';

/** A line that keeps what was sent, and reads as slowly as a test wants. */
export class FakeTransport implements Transport {
  readonly kind = 'websocket';
  answersPings = true;
  readonly frames: ServerFrame[] = [];
  closedWith: CloseCode | undefined;
  buffered = 0;
  #stalled: Promise<void> = Promise.resolve();

  send(frame: ServerFrame): void {
    this.frames.push(frame);
  }

  flushed(): Promise<void> {
    return this.#stalled;
  }

  bufferedBytes(): number {
    return this.buffered;
  }

  close(code: CloseCode): void {
    this.closedWith = code;
  }

  destroy(): void {
    this.closedWith ??= 4100;
  }

  /** From now on nothing is flushed; call the result to let everything go. */
  stall(): () => void {
    let release = (): void => undefined;
    this.#stalled = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  of<T extends ServerFrame['type']>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);
  }

  /** Sequence numbers of all messages, in the order sent. */
  get seqs(): number[] {
    return this.of('messages').flatMap((frame) => frame.items.map((item) => item.seq));
  }
}
