import type { JobInput } from '../client/job-input.js';
import type { MisfirePolicy } from '../domain/misfire-policy.js';

/** What a declared job may say besides its schedule: the fields that `putJob` takes. */
export type DeclaredJobOptions = Omit<
  JobInput,
  'name' | 'target' | 'schedule' | 'misfire' | 'namespace' | 'version' | 'createdAt' | 'updatedAt' | 'status'
> & {
  /** The name of the job and of its handler, the same on all replicas. @default Class.method */
  readonly name?: string;
  /** What happens to fires that are found late; a name stands for the policy with its default bounds. */
  readonly misfire?: MisfirePolicy['policy'] | Partial<MisfirePolicy>;
  /** Declares the job without its schedule: it runs only when it is asked for. @default false */
  readonly disabled?: boolean;
};

/**
 * The options of @nestjs/schedule, unchanged, and those of a job. `waitForCompletion` stands for `overlap`:
 * true = `skip`, which is the default here, false = `allow`. What concerns timers or locks of a single process
 * is taken and has no effect.
 */
export type CronOptions = DeclaredJobOptions & {
  /** How to read the expression where it could be read both ways. @default as the module says */
  readonly dialect?: 'unix' | 'quartz';
  /** Fixed offset from UTC in minutes, whole hours only. */
  readonly utcOffset?: number;
  readonly waitForCompletion?: boolean;
  readonly unrefTimeout?: boolean;
  readonly threshold?: number;
  readonly initialDelay?: number;
  readonly distributed?: boolean;
  readonly lockKey?: string;
  readonly lockTtlMs?: number;
};

export type EveryOptions = DeclaredJobOptions & {
  /** ISO 8601 instant from which the periods are counted. @default 1970-01-01T00:00:00Z */
  readonly anchor?: string;
};
