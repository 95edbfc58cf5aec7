import { StoreClient } from '../client/store-client.js';
import type { JobClient } from '../client/job-client.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { Service } from '../runtime/service.js';
import type { Stores } from '../store/stores.js';

/** What the controllers work with; bound under `API_DEPS`. */
export interface ApiDeps {
  readonly stores: Stores;
  /** Everything that has to be ready before this process may be given work. */
  readonly services: readonly Service[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export const API_DEPS = Symbol('ApiDeps');

/** The client of a namespace. Errors: `ValidationError` for a name that cannot exist. */
export function clientOf({ stores, metrics }: Pick<ApiDeps, 'stores' | 'metrics'>, namespace: string): JobClient {
  return new StoreClient({ stores, metrics }, { namespace });
}
