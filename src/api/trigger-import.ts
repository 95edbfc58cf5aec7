import { StringDecoder } from 'node:string_decoder';
import type { JobClient, TriggerResult } from '../client/job-client.js';
import { RequestError, ValidationError, type CloudJobError } from '../domain/errors.js';
import { MAX_BODY_BYTES, MAX_IMPORT_BYTES } from '../domain/limits.js';
import { parseJsonBody } from './json-body.js';
import { problemOf, type Problem } from './problem.js';

/** Lines of one import; more come in further requests. */
export const MAX_IMPORT_LINES = 100_000;

/** Lines that are written together. */
const CHUNK_LINES = 1000;

/** What became of one line; a blank line has no result. */
export type LineResult = { readonly line: number; readonly name?: string } & (
  { readonly outcome: string } | { readonly error: Pick<Problem, 'code' | 'title' | 'detail' | 'violations'> }
);

interface Line {
  readonly line: number;
  readonly text: string;
}

/**
 * Reads triggers, one JSON object a line, and writes them chunk by chunk while the rest still comes in; `emit`
 * gets one result for each line, in order. An error that is not about one line is thrown: the lines without a
 * result were not written, and the import may be repeated as a whole.
 */
export async function importTriggers(
  body: AsyncIterable<Buffer>,
  { client, job }: { readonly client: JobClient; readonly job: string },
  emit: (result: LineResult) => void,
): Promise<void> {
  let chunk: Line[] = [];
  for await (const line of linesOf(body)) {
    if (line.text.trim() === '') continue;
    chunk.push(line);
    if (chunk.length < CHUNK_LINES) continue;
    await writeChunk(chunk, { client, job }, emit);
    chunk = [];
  }
  await writeChunk(chunk, { client, job }, emit);
}

async function writeChunk(
  lines: readonly Line[],
  { client, job }: { readonly client: JobClient; readonly job: string },
  emit: (result: LineResult) => void,
): Promise<void> {
  const parsed = lines.map(({ text }) => parsedLine(text));
  const values = parsed.flatMap((entry) => ('value' in entry ? [entry.value] : []));
  const written = values.length === 0 ? [] : await client.putTriggers(job, values);
  let next = 0;
  for (const [i, { line }] of lines.entries()) {
    const entry = parsed[i];
    const result = entry !== undefined && 'error' in entry ? entry : written[next++];
    if (result !== undefined) emit(lineResult(line, result));
  }
}

function parsedLine(text: string): { readonly value: unknown } | { readonly error: CloudJobError } {
  try {
    return { value: parseJsonBody(text) };
  } catch (error) {
    if (error instanceof ValidationError) return { error };
    throw error;
  }
}

function lineResult(line: number, result: TriggerResult): LineResult {
  if (!('error' in result)) return { line, ...result };
  const { code, title, detail, violations } = problemOf(ofLine(result.error), { instance: '', requestId: '' });
  const error = { code, title, detail, ...(violations === undefined ? {} : { violations }) };
  return { line, ...(result.name === undefined ? {} : { name: result.name }), error };
}

/** Fields relative to the line, which the result names already. */
function ofLine(error: CloudJobError): CloudJobError {
  if (!(error instanceof ValidationError)) return error;
  const violations = error.violations.map((v) => ({ ...v, field: v.field.replace(/^triggers\[\d+\]\.?/, '') }));
  return new ValidationError(violations, error.code as 'CJ_VALIDATION_FAILED');
}

/** Errors: `CJ_PAYLOAD_TOO_LARGE`. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let line = 0;
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > MAX_IMPORT_BYTES) throw tooLarge(`more than ${MAX_IMPORT_BYTES} bytes`);
    const texts = (rest + decoder.write(part)).split('\n');
    rest = texts.pop() ?? '';
    if (rest.length > MAX_BODY_BYTES)
      throw tooLarge(`line ${line + texts.length + 1} is longer than ${MAX_BODY_BYTES} bytes`);
    for (const text of texts) {
      if (++line > MAX_IMPORT_LINES) throw tooLarge(`more than ${MAX_IMPORT_LINES} lines`);
      yield { line, text };
    }
  }
  rest += decoder.end();
  if (rest !== '') yield { line: line + 1, text: rest };
}

function tooLarge(message: string): RequestError {
  return new RequestError('CJ_PAYLOAD_TOO_LARGE', message);
}
