import type { FastifyReply } from 'fastify';
import { ConflictError, ValidationError } from '../domain/errors.js';
import type { ExpectedVersion } from '../store/job-store.js';

/** The request headers that make a write conditional. */
export interface ConditionHeaders {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}

/**
 * The version that a write asks for. `If-Match` takes one entity tag as it was sent, `If-None-Match` only `*`.
 * Errors: `CJ_VALIDATION_FAILED`; `CJ_VERSION_CONFLICT` for a tag that can never have been ours.
 */
export function expectedVersion(headers: ConditionHeaders): ExpectedVersion {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (match !== undefined && noneMatch !== undefined) {
    throw new ValidationError([{ field: 'If-None-Match', message: 'cannot be combined with If-Match' }]);
  }
  if (noneMatch !== undefined) {
    if (noneMatch.trim() === '*') return null;
    throw new ValidationError([{ field: 'If-None-Match', message: 'is not accepted', allowed: '*' }]);
  }
  if (match === undefined) return undefined;
  // Proxies that compress make a tag weak; it still names our version.
  const tag = /^(?:W\/)?"([^"]*)"$/.exec(match.trim())?.[1];
  if (tag === undefined)
    throw new ValidationError([{ field: 'If-Match', message: 'is not one entity tag', allowed: '"<version>"' }]);
  if (!/^[1-9]\d{0,15}$/.test(tag))
    throw new ConflictError('CJ_VERSION_CONFLICT', `no version has the entity tag ${match}`);
  return Number(tag);
}

/** `If-Match` alone, for writes that need something to be there. */
export function matchedVersion(headers: ConditionHeaders): { readonly ifVersion?: number } {
  const version = expectedVersion({ 'if-match': headers['if-match'] });
  return typeof version === 'number' ? { ifVersion: version } : {};
}

/** Sets the entity tag of a definition and hands it on as the answer. */
export function tagged<T extends { readonly version: number }>(reply: FastifyReply, view: T): T {
  void reply.header('etag', `"${view.version}"`);
  return view;
}
