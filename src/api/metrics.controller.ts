import { Controller, Get, Header, Inject } from '@nestjs/common';
import { API_DEPS, type ApiDeps } from './api-deps.js';
import { Operation } from './operation.js';

@Controller('metrics')
export class MetricsController {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @Operation({
    summary: 'Metrics of this process',
    answers: { 200: { mediaType: 'text/plain', description: 'Prometheus text format' } },
  })
  expose(): Promise<string> {
    return this.#deps.metrics.expose();
  }
}
