import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ValidationError } from '../domain/errors.js';
import { MAX_BODY_BYTES } from '../domain/limits.js';
import type { Metrics } from '../runtime/metrics.js';
import { createAuthCheck, type AuthCheck } from './auth.hook.js';
import { addBodyParsers, checkMediaType } from './body-parsers.js';
import { sendProblem } from './error.filter.js';
import { UnusedConnections } from './unused-connections.js';
import { serveOpenApi } from './openapi.js';

export interface HttpAppConfig {
  readonly apiKey: string;
  /** Serve /metrics without the key. */
  readonly openMetrics: boolean;
}

/**
 * The HTTP application around a module that imports `ApiModule`; not listening yet. Key check, media types and
 * metrics are hooks of the server itself, set before any route exists.
 */
export async function createHttpApp(
  root: Type | DynamicModule,
  { metrics }: { readonly metrics: Metrics },
  config: HttpAppConfig,
): Promise<NestFastifyApplication> {
  const check = createAuthCheck(config.apiKey, config.openMetrics ? ['/metrics'] : []);
  const app = await NestFactory.create<NestFastifyApplication>(root, createAdapter(check, metrics), {
    bodyParser: false,
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  serveOpenApi(app);
  return app;
}

function createAdapter(check: AuthCheck, metrics: Metrics): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    genReqId: requestId,
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      refuseAddress(error, { request, reply, check }),
  });
  adapter.setOnRequestHook((request: FastifyRequest, reply: FastifyReply, done) => {
    void reply.headers({
      'x-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    check(request, reply);
    checkMediaType(request);
    done();
  });
  adapter.setOnResponseHook((request: FastifyRequest, reply: FastifyReply, done) => {
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    const isStream = !request.is404 && request.routeOptions.config.isStream === true;
    if (!isStream) metrics.httpRequests.observe(labels, reply.elapsedTime / 1000);
    done();
  });
  addBodyParsers(adapter.getInstance());
  // At the end requests under way finish; event streams are ended by their controller.
  const connections = new UnusedConnections(adapter.getInstance().server);
  adapter.getInstance().addHook('preClose', (done) => {
    connections.close();
    done();
  });
  return adapter;
}

/** The router could not read the address, so that no hook has run. */
function refuseAddress(
  error: Error,
  { request, reply, check }: { request: FastifyRequest; reply: FastifyReply; check: AuthCheck },
): void {
  try {
    check(request, reply);
  } catch (refused) {
    sendProblem(refused, request, reply);
    return;
  }
  sendProblem(new ValidationError([{ field: 'url', message: error.message }]), request, reply);
}

/** A caller's own id, if it is fit for logs and headers. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
}
