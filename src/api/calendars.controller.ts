import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Put, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { CalendarSummary, CalendarView } from '../client/views.js';
import { calendarFields, type CalendarInput } from '../domain/calendar.js';
import { parseInput } from '../domain/input.js';
import { OUTCOME_HEADER } from '../client/rest-client.js';
import { API_DEPS, clientOf, type ApiDeps } from './api-deps.js';
import { JSON_TYPES } from './body-parsers.js';
import { expectedVersion, matchedVersion, tagged, type ConditionHeaders } from './etag.js';
import { Operation } from './operation.js';
import { Access } from './route-access.js';

interface CalendarPath {
  readonly ns: string;
  readonly calendar: string;
}

const ICS_TYPE = 'text/calendar';

/** What a calendar has besides its file, where the body is the file. */
const fileOptionsSchema = z.strictObject(calendarFields);

@Controller('v1/namespaces/:ns/calendars')
export class CalendarsController {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  @Get()
  @Operation({ summary: 'All calendars by name, without their days', answers: { 200: 'CalendarList' } })
  async list(@Param('ns') ns: string): Promise<{ items: readonly CalendarSummary[] }> {
    return { items: await clientOf(this.#deps, ns).listCalendars() };
  }

  @Put(':calendar')
  @Access({ accepts: [...JSON_TYPES, ICS_TYPE] })
  @Operation({
    summary: 'Create a calendar or replace it as a whole; triggers that name it are planned anew',
    query: fileOptionsSchema,
    body: {
      schema: 'CalendarInput',
      mediaType: ICS_TYPE,
      description: 'A calendar, or an iCalendar file with the query for the rest',
    },
    headers: ['If-Match', 'If-None-Match'],
    answers: { 200: 'Calendar', 201: 'Calendar' },
  })
  async put(
    @Param() { ns, calendar: name }: CalendarPath,
    @Query() query: unknown,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CalendarView> {
    const input = typeof body === 'string' ? fileInput(body, query) : plainInput(body, query);
    const condition = { ifVersion: expectedVersion(reply.request.headers) };
    const { outcome, calendar } = await clientOf(this.#deps, ns).putCalendar(name, input, condition);
    void reply.code(outcome === 'created' ? 201 : 200).header(OUTCOME_HEADER, outcome);
    return tagged(reply, calendar);
  }

  @Get(':calendar')
  @Operation({ summary: 'Read a calendar', answers: { 200: 'Calendar' } })
  async get(
    @Param() { ns, calendar }: CalendarPath,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CalendarView> {
    return tagged(reply, await clientOf(this.#deps, ns).getCalendar(calendar));
  }

  @Delete(':calendar')
  @HttpCode(204)
  @Operation({
    summary: 'Delete a calendar; refused while calendars or triggers name it',
    headers: ['If-Match'],
    answers: { 204: null },
  })
  async delete(@Param() { ns, calendar }: CalendarPath, @Headers() headers: ConditionHeaders): Promise<void> {
    await clientOf(this.#deps, ns).deleteCalendar(calendar, matchedVersion(headers));
  }
}

function fileInput(ics: string, query: unknown): CalendarInput {
  return { type: 'ics', ics, ...parseInput(fileOptionsSchema, query) };
}

/** Errors: `ValidationError` for a query, which has no meaning beside JSON. */
function plainInput(body: unknown, query: unknown): CalendarInput {
  parseInput(z.strictObject({}), query);
  return body as CalendarInput;
}
