import type { TransportKind } from '../mailbox.js';
import type { CloseCode, ServerFrame } from '../protocol.js';

/** One open line to a client. Nothing here throws: what is sent on a line that broke is dropped. */
export interface Transport {
  readonly kind: TransportKind;
  /** Whether a `ping` is answered, so that silence can be told from rest. */
  readonly answersPings: boolean;
  send(frame: ServerFrame): void;
  /** Resolves when everything sent so far has left the process or the line is closed. */
  flushed(): Promise<void>;
  /** Bytes that wait in this process for a client that reads slowly. */
  bufferedBytes(): number;
  /** Says the code and closes; gives the client a few seconds to take it. */
  close(code: CloseCode): void;
  /** Closes without another word. */
  destroy(): void;
}
