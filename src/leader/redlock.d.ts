/** redlock 5.0.0-beta.2 has typings, but its `exports` hide them. Only what we use. */
declare module 'redlock' {
  import type { EventEmitter } from 'node:events';

  export interface ExecutionStats {
    readonly quorumSize: number;
    readonly votesAgainst: ReadonlyMap<unknown, Error>;
  }

  /** No quorum for the operation. Each attempt settles when all servers have voted. */
  export class ExecutionError extends Error {
    readonly attempts: readonly Promise<ExecutionStats>[];
  }

  /** The vote of a server on which another holds the name. */
  export class ResourceLockedError extends Error {}

  export class Lock {
    extend(durationMs: number): Promise<Lock>;
    release(): Promise<unknown>;
  }

  export default class Redlock extends EventEmitter {
    constructor(clients: Iterable<unknown>, settings?: { retryCount?: number });
    acquire(resources: string[], durationMs: number): Promise<Lock>;
  }
}
