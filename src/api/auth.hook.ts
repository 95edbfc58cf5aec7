import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ConfigError, RequestError } from '../domain/errors.js';

export type AuthCheck = (request: FastifyRequest, reply: FastifyReply) => void;

/**
 * The one choke point: refuses every request without the key, whatever the method and whether or not a route
 * matches, except on routes whose own configuration says that they are public, and on `publicRoutes` (as they
 * were registered). Throws `CJ_UNAUTHENTICATED`.
 */
export function createAuthCheck(apiKey: string, publicRoutes: readonly string[]): AuthCheck {
  if (apiKey.length === 0) throw new ConfigError('the API needs a key');
  const expected = digest(apiKey);
  return (request, reply) => {
    const { url = '', config } = request.routeOptions;
    if (!request.is404 && (config.isPublic === true || publicRoutes.includes(url))) return;
    const given = bearerToken(request.headers.authorization);
    // Digests have one length, so that the time of the comparison says nothing about the key.
    if (given !== null && timingSafeEqual(digest(given), expected)) return;
    void reply.header('www-authenticate', 'Bearer');
    throw new RequestError('CJ_UNAUTHENTICATED', 'send the API key as `Authorization: Bearer <key>`');
  };
}

function bearerToken(header: string | undefined): string | null {
  return /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? null;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
