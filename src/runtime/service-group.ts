import { Service } from './service.js';

/**
 * Starts its members in the order given and stops them in reverse. When one cannot start, those before it
 * are stopped and the error is rethrown. Errors while stopping do not keep the others from being stopped.
 */
export class ServiceGroup extends Service {
  readonly name: string;
  readonly members: readonly Service[];

  constructor(name: string, members: readonly Service[]) {
    super();
    this.name = name;
    this.members = members;
  }

  protected async onStart(): Promise<void> {
    for (const member of this.members) {
      this.stopSignal.throwIfAborted();
      await member.start();
    }
  }

  protected async onStop(): Promise<void> {
    const errors: unknown[] = [];
    for (const member of [...this.members].reverse()) {
      await member.stop().catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0)
      throw new AggregateError(errors, `${this.name}: ${errors.length} services did not stop cleanly`);
  }
}
