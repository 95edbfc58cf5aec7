import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { parseInput } from '../domain/input.js';
import { executionQuerySchema, executionsOfJobQuerySchema } from '../client/queries.js';
import type { ExecutionQuery } from '../client/job-client.js';
import type { ExecutionView } from '../client/views.js';
import type { Page } from '../store/job-store.js';
import { API_DEPS, clientOf, type ApiDeps } from './api-deps.js';
import { Operation } from './operation.js';
import { runInputSchema } from './schemas.js';

@Controller('v1/namespaces/:ns')
export class ExecutionsController {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  @Post('jobs/:job/executions')
  @Operation({
    summary: 'Run a job now',
    body: 'RunInput',
    headers: ['Idempotency-Key'],
    answers: { 201: 'Execution' },
  })
  run(
    @Param('ns') ns: string,
    @Param('job') job: string,
    @Body() body: unknown,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
  ): Promise<ExecutionView> {
    const { data } = parseInput(runInputSchema, body ?? {});
    return clientOf(this.#deps, ns).run(job, { data, idempotencyKey });
  }

  @Get('jobs/:job/executions')
  @Operation({
    summary: 'List the executions of a job, newest first',
    query: executionsOfJobQuerySchema,
    answers: { 200: 'ExecutionPage' },
  })
  async listOfJob(
    @Param('ns') ns: string,
    @Param('job') job: string,
    @Query() query: ExecutionQuery,
  ): Promise<Page<ExecutionView>> {
    const client = clientOf(this.#deps, ns);
    const page = await client.listExecutions({ ...query, job });
    // Records outlive their job, so only a list without any asks whether the job exists.
    if (page.items.length === 0) await client.getJob(job);
    return page;
  }

  @Get('executions')
  @Operation({ summary: 'List executions', query: executionQuerySchema, answers: { 200: 'ExecutionPage' } })
  list(@Param('ns') ns: string, @Query() query: ExecutionQuery): Promise<Page<ExecutionView>> {
    return clientOf(this.#deps, ns).listExecutions(query);
  }

  @Get('executions/:id')
  @Operation({ summary: 'Read an execution', answers: { 200: 'Execution' } })
  get(@Param('ns') ns: string, @Param('id') id: string): Promise<ExecutionView> {
    return clientOf(this.#deps, ns).getExecution(id);
  }

  @Post('executions/:id/cancel')
  @HttpCode(200)
  @Operation({
    summary: 'Cancel an execution; one that runs is told at its next sign of life',
    answers: { 200: 'Execution' },
  })
  cancel(@Param('ns') ns: string, @Param('id') id: string): Promise<ExecutionView> {
    return clientOf(this.#deps, ns).cancelExecution(id);
  }

  @Post('executions/:id/retry')
  @HttpCode(200)
  @Operation({ summary: 'Queue a failed execution once more', answers: { 200: 'Execution' } })
  retry(@Param('ns') ns: string, @Param('id') id: string): Promise<ExecutionView> {
    return clientOf(this.#deps, ns).retryExecution(id);
  }
}
