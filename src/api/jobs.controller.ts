import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { parseInput } from '../domain/input.js';
import { jobQuerySchema } from '../client/queries.js';
import type { JobInput } from '../client/job-input.js';
import type { JobQuery } from '../client/job-client.js';
import type { JobView } from '../client/views.js';
import type { Page } from '../store/job-store.js';
import { OUTCOME_HEADER } from '../client/rest-client.js';
import { API_DEPS, clientOf, type ApiDeps } from './api-deps.js';
import { expectedVersion, matchedVersion, tagged, type ConditionHeaders } from './etag.js';
import { named } from './named-body.js';
import { Operation } from './operation.js';
import { pauseInputSchema } from './schemas.js';

@Controller('v1/namespaces/:ns/jobs')
export class JobsController {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  @Get()
  @Operation({ summary: 'List jobs by name', query: jobQuerySchema, answers: { 200: 'JobPage' } })
  list(@Param('ns') ns: string, @Query() query: JobQuery): Promise<Page<JobView>> {
    return clientOf(this.#deps, ns).listJobs(query);
  }

  @Put(':job')
  @Operation({
    summary: 'Create a job or replace it as a whole',
    body: 'JobInput',
    headers: ['If-Match', 'If-None-Match'],
    answers: { 200: 'Job', 201: 'Job' },
  })
  async put(
    @Param() { ns, job: name }: { ns: string; job: string },
    @Body() body: unknown,
    @Headers() headers: ConditionHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    const input = named(body, name) as JobInput;
    const { outcome, job } = await clientOf(this.#deps, ns).putJob(input, { ifVersion: expectedVersion(headers) });
    void reply.code(outcome === 'created' ? 201 : 200).header(OUTCOME_HEADER, outcome);
    return tagged(reply, job);
  }

  @Get(':job')
  @Operation({ summary: 'Read a job', answers: { 200: 'Job' } })
  async get(
    @Param('ns') ns: string,
    @Param('job') job: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    return tagged(reply, await clientOf(this.#deps, ns).getJob(job));
  }

  @Patch(':job')
  @Operation({
    summary: 'Change fields of a job',
    body: 'MergePatch',
    headers: ['If-Match'],
    answers: { 200: 'Job' },
  })
  async patch(
    @Param() { ns, job }: { ns: string; job: string },
    @Body() body: unknown,
    @Headers() headers: ConditionHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    return tagged(reply, await clientOf(this.#deps, ns).patchJob(job, body, matchedVersion(headers)));
  }

  @Delete(':job')
  @HttpCode(204)
  @Operation({ summary: 'Delete a job and its triggers', headers: ['If-Match'], answers: { 204: null } })
  async delete(
    @Param('ns') ns: string,
    @Param('job') job: string,
    @Headers() headers: ConditionHeaders,
  ): Promise<void> {
    await clientOf(this.#deps, ns).deleteJob(job, matchedVersion(headers));
  }

  @Post(':job/pause')
  @HttpCode(200)
  @Operation({ summary: 'Let no trigger of the job fire', body: 'PauseInput', answers: { 200: 'Job' } })
  async pause(
    @Param() { ns, job }: { ns: string; job: string },
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    const { reason } = parseInput(pauseInputSchema, body ?? {});
    return tagged(reply, await clientOf(this.#deps, ns).pauseJob(job, reason));
  }

  @Post(':job/resume')
  @HttpCode(200)
  @Operation({ summary: 'End the pause; what fell into it is not made up for', answers: { 200: 'Job' } })
  async resume(
    @Param('ns') ns: string,
    @Param('job') job: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    return tagged(reply, await clientOf(this.#deps, ns).resumeJob(job));
  }
}
