import { ConfigError } from '../domain/errors.js';
import { isName } from '../domain/limits.js';
import type { JobContext } from './job-context.js';

/** Returns the result, or an outcome (`done`, `retryIn`, `cancel`, `discard`). What it throws is a failure. */
export type Handler<T = unknown> = (context: JobContext<T>) => unknown;

export interface RegisteredHandler {
  readonly run: Handler;
  /** Checks the data before every attempt and gives what the handler sees; what it throws ends the execution. */
  readonly parse?: (data: unknown) => unknown;
}

/** The named handlers of a worker. Complete before the worker starts: lanes are claimed for what is here then. */
export class HandlerRegistry {
  readonly #handlers = new Map<string, RegisteredHandler>();
  #sealed = false;

  /** Errors: `ConfigError` for a bad name, a name given twice, or a worker that has started. */
  register(name: string, run: Handler, parse?: (data: unknown) => unknown): void {
    if (!isName(name))
      throw new ConfigError(`'${name}' cannot be the name of a handler: 1 to 128 of A-Z a-z 0-9 . _ -`);
    if (this.#handlers.has(name)) throw new ConfigError(`handler ${name} is registered twice`);
    if (this.#sealed) throw new ConfigError(`handler ${name} was registered after the worker had started`);
    this.#handlers.set(name, parse === undefined ? { run } : { run, parse });
  }

  get(name: string): RegisteredHandler | undefined {
    return this.#handlers.get(name);
  }

  names(): readonly string[] {
    return [...this.#handlers.keys()];
  }

  /** From now on the set of names does not change. */
  seal(): void {
    this.#sealed = true;
  }
}
