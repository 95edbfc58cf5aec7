import type { JobInput } from './job-input.js';

/** Anything with `parse`, as a zod schema has: returns the checked data or throws. */
export interface DataSchema<T> {
  parse(data: unknown): T;
}

/** A job declared in code: one name for the job and its handler, one type for its data. */
export interface DefinedJob<T> {
  readonly name: string;
  /** What `putJob` takes. */
  readonly input: JobInput;
  /** Checks data; absent when the job was defined without a schema. */
  readonly parse?: (data: unknown) => T;
}

/** The type of a defined job's data: `JobData<typeof sendInvoice>`. */
export type JobData<J> = J extends DefinedJob<infer T> ? T : never;

export type DefineJobOptions<T> = Omit<JobInput, 'name' | 'target'> & { readonly schema?: DataSchema<T> };

/**
 * Declares a job with a handler of the same name. With a schema, a worker checks the data before every attempt,
 * and an execution whose data does not fit fails without a retry.
 *
 *     const sendInvoice = defineJob('invoice.send', { schema: z.object({ id: z.string() }) });
 *     await client.putJob(sendInvoice.input);
 *     worker.handle(sendInvoice, async ({ data }) => send(data.id));
 */
export function defineJob<T = unknown>(name: string, options: DefineJobOptions<T> = {}): DefinedJob<T> {
  const { schema, ...fields } = options;
  const input: JobInput = { ...fields, name, target: { type: 'handler', handler: name } };
  return schema === undefined ? { name, input } : { name, input, parse: (data) => schema.parse(data) };
}
