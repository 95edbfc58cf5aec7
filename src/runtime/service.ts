/**
 * `new`       constructed; holds no timer, socket or promise
 * `starting`  `start` was called and has not resolved
 * `running`   usable
 * `stopping`  `stop` was called; finishing what runs
 * `stopped`   nothing of it runs any more; final
 * `failed`    start was refused or an invariant broke; nothing of it runs; final
 */
export type ServiceState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

export interface ServiceHealth {
  readonly name: string;
  readonly state: ServiceState;
  /** May this process be given work? Readiness is the AND over all services. */
  readonly ready: boolean;
  /** Why it is not ready though it runs, where it knows. Shown to everybody. */
  readonly reason?: string;
  /** Slow-changing facts for people; never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Something with a lifetime. A stopped service is not started again: make a new one. */
export abstract class Service {
  #state: ServiceState = 'new';
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  readonly #abort = new AbortController();

  abstract readonly name: string;

  get state(): ServiceState {
    return this.#state;
  }

  /** Aborted as soon as `stop` is called or start fails: what waits inside the service waits with it. */
  protected get stopSignal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Resolves when usable. On failure everything that was opened is closed again, and the error is rethrown. Idempotent. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Idempotent and legal in every state; resolves when nothing of the service runs. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  describe(): ServiceHealth {
    const details = this.details();
    const reason = this.notReadyBecause();
    return {
      name: this.name,
      state: this.#state,
      ready: this.isReady() && reason === null,
      ...(reason === null ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
    };
  }

  /** Opens what the service needs. */
  protected abstract onStart(): Promise<void>;

  /** Closes everything, also after a start that failed half-way. */
  protected abstract onStop(): Promise<void>;

  protected isReady(): boolean {
    return this.#state === 'running';
  }

  /** Why it may not be given work though it runs; null = it may. */
  protected notReadyBecause(): string | null {
    return null;
  }

  protected details(): Readonly<Record<string, unknown>> | undefined {
    return undefined;
  }

  async #start(): Promise<void> {
    if (this.#state !== 'new') throw new Error(`${this.name} was stopped before it was started`);
    this.#state = 'starting';
    try {
      await this.onStart();
      if (this.#state === 'starting') this.#state = 'running';
    } catch (error) {
      this.#abort.abort();
      await this.onStop().catch(() => undefined);
      this.#state = 'failed';
      throw error;
    }
  }

  async #stop(): Promise<void> {
    if (this.#state === 'failed') return;
    if (this.#state === 'new') {
      this.#state = 'stopped';
      return;
    }
    this.#abort.abort();
    // A start under way sees the aborted signal; what it opened is closed below.
    if (this.#state === 'starting') await this.#starting?.catch(() => undefined);
    if ((this.#state as ServiceState) === 'failed') return;
    this.#state = 'stopping';
    await this.onStop();
    this.#state = 'stopped';
  }
}
