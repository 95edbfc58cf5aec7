import type { WorkerSettings, WorkerSource } from '../client/worker.js';
import type { DeclaredJobOptions } from './job-options.js';

export interface CloudJobModuleSettings {
  /** The namespace of the declared jobs. @default 'default' */
  readonly namespace?: string;
  /** How this process runs handlers; false = it declares jobs and runs none. */
  readonly worker?: Pick<WorkerSettings, 'queues' | 'concurrency' | 'leaseMs' | 'drainMs'> | false;
  /** What declared jobs say unless they say otherwise. */
  readonly defaults?: Omit<DeclaredJobOptions, 'name' | 'disabled' | 'data' | 'startAt' | 'endAt' | 'maxFires'>;
  /** How `@Cron` reads an expression that names no dialect. @default refused where the dialects disagree */
  readonly cronDialect?: 'unix' | 'quartz';
}

/** Where the cluster is, by default the Redis of cluster `default`, and how this host takes part. */
export type CloudJobModuleOptions = CloudJobModuleSettings & WorkerSource;
