import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { JobClient } from '../client/job-client.js';
import { StoreClient } from '../client/store-client.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { Metrics } from '../runtime/metrics.js';
import type { Service } from '../runtime/service.js';
import { systemClock } from '../runtime/system-clock.js';
import { RedisStores } from '../store/redis/redis-stores.js';
import type { Stores } from '../store/stores.js';
import type { CloudJobModuleOptions } from './cloudjob-options.js';
import { nestLogger } from './nest-logger.js';

/** Token of the `JobClient` that `@InjectCloudJob()` injects. */
export const CLOUDJOB_CLIENT = Symbol.for('cloudjob.client');

/**
 * The stores that client and worker of one host share: opened before anything of the module starts, closed
 * when everything of the application has stopped. Stores given by the host are the host's to open and close.
 */
export class CloudJobConnection implements OnModuleInit, OnApplicationShutdown {
  readonly options: CloudJobModuleOptions;
  readonly stores: Omit<Stores, keyof Service>;
  readonly client: JobClient;
  readonly clock: Clock;
  readonly metrics = new Metrics();
  readonly logger: Logger = nestLogger();
  readonly #own: Service | undefined;

  /** Errors: `ConfigError`, `ValidationError` for options that cannot be. */
  constructor(options: CloudJobModuleOptions) {
    this.options = options;
    if ('redis' in options) {
      this.clock = systemClock;
      const { clock, logger, metrics } = this;
      const { redis, cluster = 'default' } = options;
      // Whether this Redis may hold a cluster is for the schedulers to say.
      const own = new RedisStores({ clock, logger, metrics }, { redis, cluster, requireDurability: false });
      this.#own = own;
      this.stores = own;
    } else {
      this.clock = options.clock ?? systemClock;
      this.stores = options.stores;
    }
    const { stores, metrics } = this;
    this.client = new StoreClient({ stores, metrics }, { namespace: options.namespace ?? 'default' });
  }

  async onModuleInit(): Promise<void> {
    await this.#own?.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#own?.stop();
  }
}
