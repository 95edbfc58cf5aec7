import { Readable } from 'node:stream';
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
import { pageQuerySchema } from '../client/queries.js';
import type { PageOptions } from '../client/job-client.js';
import type { TriggerView } from '../client/views.js';
import type { TriggerInput } from '../domain/trigger.js';
import type { Page } from '../store/job-store.js';
import { OUTCOME_HEADER } from '../client/rest-client.js';
import { API_DEPS, clientOf, type ApiDeps } from './api-deps.js';
import { expectedVersion, matchedVersion, tagged, type ConditionHeaders } from './etag.js';
import { named } from './named-body.js';
import { sendLines } from './line-answer.js';
import { Operation } from './operation.js';
import { Access } from './route-access.js';
import { importTriggers } from './trigger-import.js';
import { NDJSON_TYPE } from './body-parsers.js';

interface TriggerPath {
  readonly ns: string;
  readonly job: string;
  readonly trigger: string;
}

@Controller('v1/namespaces/:ns/jobs/:job/triggers')
export class TriggersController {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  @Get()
  @Operation({
    summary: 'List the triggers of a job; a page may be short and still have a next one',
    query: pageQuerySchema,
    answers: { 200: 'TriggerPage' },
  })
  list(@Param('ns') ns: string, @Param('job') job: string, @Query() query: PageOptions): Promise<Page<TriggerView>> {
    return clientOf(this.#deps, ns).listTriggers(job, query);
  }

  /** Answers while it reads; the status is settled by what can be known before the first line is written. */
  @Post('import')
  @HttpCode(200)
  @Access({ accepts: [NDJSON_TYPE] })
  @Operation({
    summary: 'Write many triggers, one JSON object a line',
    body: { mediaType: NDJSON_TYPE, description: 'Triggers as in a put, each with its name' },
    answers: { 200: { mediaType: NDJSON_TYPE, description: 'One result for each line, in order' } },
  })
  async import(
    @Param('ns') ns: string,
    @Param('job') job: string,
    @Body() body: AsyncIterable<Buffer> | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const client = clientOf(this.#deps, ns);
    await client.getJob(job);
    await sendLines(reply, (emit) => importTriggers(body ?? Readable.from([]), { client, job }, emit));
  }

  @Put(':trigger')
  @Operation({
    summary: 'Create a trigger or replace it as a whole',
    body: 'TriggerInput',
    headers: ['If-Match', 'If-None-Match'],
    answers: { 200: 'Trigger', 201: 'Trigger' },
  })
  async put(
    @Param() { ns, job, trigger: name }: TriggerPath,
    @Body() body: unknown,
    @Headers() headers: ConditionHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TriggerView> {
    const input = named(body, name) as unknown as TriggerInput & { readonly name: string };
    const options = { ifVersion: expectedVersion(headers) };
    const { outcome, trigger } = await clientOf(this.#deps, ns).putTrigger(job, input, options);
    void reply.code(outcome === 'created' ? 201 : 200).header(OUTCOME_HEADER, outcome);
    return tagged(reply, trigger);
  }

  @Get(':trigger')
  @Operation({ summary: 'Read a trigger', answers: { 200: 'Trigger' } })
  async get(@Param() path: TriggerPath, @Res({ passthrough: true }) reply: FastifyReply): Promise<TriggerView> {
    return tagged(reply, await clientOf(this.#deps, path.ns).getTrigger(path.job, path.trigger));
  }

  @Patch(':trigger')
  @Operation({
    summary: 'Change fields of a trigger',
    body: 'MergePatch',
    headers: ['If-Match'],
    answers: { 200: 'Trigger' },
  })
  async patch(
    @Param() { ns, job, trigger }: TriggerPath,
    @Body() body: unknown,
    @Headers() headers: ConditionHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TriggerView> {
    return tagged(reply, await clientOf(this.#deps, ns).patchTrigger(job, trigger, body, matchedVersion(headers)));
  }

  @Delete(':trigger')
  @HttpCode(204)
  @Operation({ summary: 'Delete a trigger', headers: ['If-Match'], answers: { 204: null } })
  async delete(@Param() { ns, job, trigger }: TriggerPath, @Headers() headers: ConditionHeaders): Promise<void> {
    await clientOf(this.#deps, ns).deleteTrigger(job, trigger, matchedVersion(headers));
  }

  @Post(':trigger/pause')
  @HttpCode(200)
  @Operation({ summary: 'Let the trigger not fire', answers: { 200: 'Trigger' } })
  async pause(@Param() path: TriggerPath, @Res({ passthrough: true }) reply: FastifyReply): Promise<TriggerView> {
    return tagged(reply, await clientOf(this.#deps, path.ns).pauseTrigger(path.job, path.trigger));
  }

  @Post(':trigger/resume')
  @HttpCode(200)
  @Operation({ summary: 'Let the trigger fire again, from now on', answers: { 200: 'Trigger' } })
  async resume(@Param() path: TriggerPath, @Res({ passthrough: true }) reply: FastifyReply): Promise<TriggerView> {
    return tagged(reply, await clientOf(this.#deps, path.ns).resumeTrigger(path.job, path.trigger));
  }
}
