/** Exclusive rights by name that end by themselves, as the election without ZooKeeper needs them. */
export interface LeaseGranter {
  /**
   * The lease, or undefined when another holds the name. Settles in bounded time; a lease that is granted after that
   * is given back. Errors: `StoreUnavailableError` when too few servers answered.
   */
  acquire(name: string, durationMs: number): Promise<GrantedLease | undefined>;
}

export interface GrantedLease {
  /** True: it lasts `durationMs` from the call. False: it is lost. Errors: as above, and it may yet last. */
  extend(durationMs: number): Promise<boolean>;
  /** Gives it back as far as the servers can be reached; what is left ends by itself. */
  release(): Promise<void>;
}
