import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RequestError } from '../domain/errors.js';
import { MAX_BODY_BYTES, MAX_IMPORT_BYTES } from '../domain/limits.js';
import { parseJsonBody } from './json-body.js';

export const JSON_TYPES = ['application/json', 'application/merge-patch+json'] as const;
/** Handed to the handler as a stream, unread; the handler bounds it. */
export const NDJSON_TYPE = 'application/x-ndjson';
/** Handed to the handler as text, up to `MAX_IMPORT_BYTES`. */
const TEXT_TYPES = ['text/calendar', 'text/vcard'];

export function addBodyParsers(
  instance: Pick<FastifyInstance, 'addContentTypeParser' | 'removeAllContentTypeParsers'>,
): void {
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser(
    [...JSON_TYPES],
    { parseAs: 'string', bodyLimit: MAX_BODY_BYTES },
    (_request, body, done) => {
      try {
        done(null, parseJsonBody(body.toString()));
      } catch (error) {
        done(error as Error);
      }
    },
  );
  instance.addContentTypeParser(
    TEXT_TYPES,
    { parseAs: 'string', bodyLimit: MAX_IMPORT_BYTES },
    (_request, body, done) => {
      done(null, body);
    },
  );
  instance.addContentTypeParser(NDJSON_TYPE, (_request, payload, done) => done(null, payload));
}

/** A route takes the types that it names, JSON if it names none. Errors: `CJ_UNSUPPORTED_MEDIA_TYPE`. */
export function checkMediaType(request: FastifyRequest): void {
  const header = request.headers['content-type'];
  if (header === undefined || request.is404) return;
  const accepts: readonly string[] = request.routeOptions.config.accepts ?? JSON_TYPES;
  const type = (header.split(';')[0] ?? '').trim().toLowerCase();
  if (accepts.includes(type)) return;
  throw new RequestError('CJ_UNSUPPORTED_MEDIA_TYPE', `${type} is not accepted here, only ${accepts.join(', ')}`);
}
