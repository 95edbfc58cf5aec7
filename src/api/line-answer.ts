import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { NDJSON_TYPE } from './body-parsers.js';
import { problemOf } from './problem.js';

/**
 * Answers with one JSON value a line, from the first one on. An error before it becomes a problem document as
 * usual; after it, the problem is the last line. Lines are not held back for a slow reader: one who sends
 * everything before reading anything would wait for ever. The number of lines has to be bounded for that.
 */
export async function sendLines<T>(
  reply: FastifyReply,
  produce: (emit: (value: T) => void) => Promise<void>,
): Promise<void> {
  let out: PassThrough | undefined;
  const begin = (): PassThrough => {
    const stream = new PassThrough();
    void reply.type(NDJSON_TYPE).send(stream);
    return stream;
  };
  try {
    await produce((value) => {
      out ??= begin();
      out.write(`${JSON.stringify(value)}\n`);
    });
    (out ?? begin()).end();
  } catch (error) {
    if (out === undefined) throw error;
    const { instance: _instance, ...problem } = problemOf(error, { instance: '', requestId: reply.request.id });
    out.end(`${JSON.stringify({ problem })}\n`);
  }
}
