import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { ServiceHealth } from '../runtime/service.js';
import { API_DEPS, type ApiDeps } from './api-deps.js';
import { Operation } from './operation.js';
import { Access } from './route-access.js';

type ServiceLine = Pick<ServiceHealth, 'name' | 'state' | 'ready' | 'reason'>;

/** For probes, which have no key: names, states and reasons only. */
@Controller()
export class HealthController {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  /** The process answers. Restarting it would not mend a dependency, so none is asked. */
  @Get('healthz')
  @Access({ isPublic: true })
  @Operation({ summary: 'Is the process alive', answers: { 200: 'Health' } })
  alive(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('readyz')
  @Access({ isPublic: true })
  @Operation({ summary: 'May the process be given work', answers: { 200: 'Health', 503: 'Health' } })
  ready(@Res({ passthrough: true }) reply: FastifyReply): { status: string; services: readonly ServiceLine[] } {
    const services = this.#deps.services.map((service) => {
      const { name, state, ready, reason } = service.describe();
      return { name, state, ready, ...(reason === undefined ? {} : { reason }) };
    });
    const isReady = services.every((service) => service.ready);
    if (!isReady) void reply.code(503).header('retry-after', '1');
    return { status: isReady ? 'ok' : 'unavailable', services };
  }
}
