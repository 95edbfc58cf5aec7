import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Controller, Get, Headers, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvariantError } from '../domain/errors.js';
import { Access } from './route-access.js';

/** The same distance from `src/api` and from `dist/api`. */
const WEB_FOLDER = new URL('../../web/', import.meta.url);

/** Nothing but our own files, our own server, and comet nodes wherever they are; no inline script or style. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

interface StaticFile {
  readonly content: Buffer;
  readonly type: string;
  readonly etag: string;
}

/** Path to file. */
const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/comet-client.js': ['comet-client.js', 'text/javascript; charset=utf-8'],
  '/app.css': ['app.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
} as const;

/** The page for people. It holds no secret: the key is in the part of its address that browsers keep to themselves. */
@ApiExcludeController()
@Controller()
export class PageController {
  readonly #files = new Map(Object.entries(FILES).map(([path, [name, type]]) => [path, readStatic(name, type)]));

  @Get(Object.keys(FILES))
  @Access({ isPublic: true })
  serve(
    @Req() request: FastifyRequest,
    @Headers('if-none-match') known: string | undefined,
    @Res() reply: FastifyReply,
  ): void {
    const file = this.#files.get(request.routeOptions.url ?? '');
    if (file === undefined) throw new InvariantError(`no file belongs to ${String(request.routeOptions.url)}`);
    void reply.headers({
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-cache',
      etag: file.etag,
    });
    if (known === file.etag) void reply.code(304).send();
    else void reply.type(file.type).send(file.content);
  }
}

function readStatic(name: string, type: string): StaticFile {
  const content = readFileSync(new URL(name, WEB_FOLDER));
  return { content, type, etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"` };
}
