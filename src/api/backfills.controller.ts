import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { BackfillView } from '../client/views.js';
import type { BackfillInput } from '../domain/backfill.js';
import { API_DEPS, clientOf, type ApiDeps } from './api-deps.js';
import { Operation } from './operation.js';

@Controller('v1/namespaces/:ns/jobs/:job')
export class BackfillsController {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  /** Stored when it is answered; a repeated `id` is the same backfill. */
  @Post('backfill')
  @HttpCode(202)
  @Operation({
    summary: 'Queue the times of a trigger in a past range once more',
    body: 'BackfillInput',
    answers: { 202: 'Backfill' },
  })
  start(@Param('ns') ns: string, @Param('job') job: string, @Body() body: unknown): Promise<BackfillView> {
    return clientOf(this.#deps, ns).startBackfill(job, body as BackfillInput);
  }

  @Get('backfills')
  @Operation({ summary: 'List the backfills of a job, oldest first', answers: { 200: 'BackfillList' } })
  async list(@Param('ns') ns: string, @Param('job') job: string): Promise<{ items: readonly BackfillView[] }> {
    return { items: await clientOf(this.#deps, ns).listBackfills(job) };
  }

  @Get('backfills/:id')
  @Operation({ summary: 'Read a backfill and how far it has come', answers: { 200: 'Backfill' } })
  get(@Param() { ns, job, id }: { ns: string; job: string; id: string }): Promise<BackfillView> {
    return clientOf(this.#deps, ns).getBackfill(job, id);
  }

  @Post('backfills/:id/cancel')
  @HttpCode(200)
  @Operation({ summary: 'Queue nothing more; what is queued stays', answers: { 200: 'Backfill' } })
  cancel(@Param() { ns, job, id }: { ns: string; job: string; id: string }): Promise<BackfillView> {
    return clientOf(this.#deps, ns).cancelBackfill(job, id);
  }
}
