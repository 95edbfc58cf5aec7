import { z } from 'zod';
import { ApiUnavailableError, ValidationError } from '../domain/errors.js';
import type { TriggerResult } from './job-client.js';
import { errorOfProblem } from './problem-error.js';

/** Triggers of one import request, and bytes of it: well below what the API takes. */
const CHUNK_TRIGGERS = 5000;
const CHUNK_CHARS = 2_000_000;

/** Cuts triggers into bodies of newline-delimited JSON. */
export function* importChunks(triggers: readonly unknown[]): Generator<{ body: string; count: number }> {
  let lines: string[] = [];
  let chars = 0;
  for (const trigger of triggers) {
    // What JSON cannot express is refused by the API like any other line that is no trigger.
    const line = JSON.stringify(trigger) ?? 'null';
    if (lines.length > 0 && (lines.length === CHUNK_TRIGGERS || chars + line.length > CHUNK_CHARS)) {
      yield { body: lines.join('\n'), count: lines.length };
      lines = [];
      chars = 0;
    }
    lines.push(line);
    chars += line.length;
  }
  if (lines.length > 0) yield { body: lines.join('\n'), count: lines.length };
}

const lineSchema = z.union([
  z.object({ line: z.int(), name: z.string(), outcome: z.enum(['created', 'changed', 'unchanged']) }),
  z.object({ line: z.int(), name: z.string().optional(), error: z.record(z.string(), z.unknown()) }),
  z.object({ problem: z.record(z.string(), z.unknown()) }),
]);

/**
 * Results of one import as those of the triggers from number `first` on.
 * Errors: that of the import as a whole; `CJ_API_UNAVAILABLE` when results are missing.
 */
export function importResults(
  text: string,
  { first, count }: { readonly first: number; readonly count: number },
): readonly TriggerResult[] {
  const lines = text.split('\n').filter((line) => line !== '');
  const results = lines.map((line): TriggerResult => {
    const parsed = lineSchema.parse(JSON.parse(line));
    if ('problem' in parsed) throw errorOfProblem(200, parsed.problem);
    if ('outcome' in parsed) return { name: parsed.name, outcome: parsed.outcome };
    const error = errorOfProblem(200, parsed.error);
    const moved = error instanceof ValidationError ? error.under(`triggers[${first + parsed.line - 1}]`) : error;
    return parsed.name === undefined ? { error: moved } : { name: parsed.name, error: moved };
  });
  if (results.length === count) return results;
  throw new ApiUnavailableError(`the import ended after ${results.length} of ${count} triggers`);
}
