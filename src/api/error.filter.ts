import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CloudJobError, ERROR_CODES, StoreUnavailableError } from '../domain/errors.js';
import { API_DEPS, type ApiDeps } from './api-deps.js';
import { problemOf } from './problem.js';

/** Answers every error of every route with a problem document. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
    this.#record(error, http.getRequest<FastifyRequest>());
  }

  #record(error: unknown, request: FastifyRequest): void {
    const { logger, metrics } = this.#deps;
    const status = error instanceof CloudJobError ? ERROR_CODES[error.code].status : problemOf(error, NOWHERE).status;
    if (error instanceof StoreUnavailableError) metrics.storeErrors.inc({ code: error.code });
    if (status < 500) return;
    logger.error('request-failed', { requestId: request.id, method: request.method, url: request.url, error });
  }
}

const NOWHERE = { instance: '', requestId: '' };

/** Seconds after which a caller may try again what was refused for now. */
const RETRY_AFTER_S = '1';

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const problem = problemOf(error, { instance: request.url.split('?')[0] ?? '', requestId: request.id });
  if (problem.status === 503 || problem.status === 429) void reply.header('retry-after', RETRY_AFTER_S);
  void reply.code(problem.status).type('application/problem+json; charset=utf-8').send(problem);
}
