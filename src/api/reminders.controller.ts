import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ValidationError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { NAME } from '../domain/limits.js';
import {
  IMPORT_MEDIA_TYPES,
  importOptionsSchema,
  type ImportReport,
  type RemindersService,
  type ReminderView,
} from '../reminders/reminders.service.js';
import { Operation } from './operation.js';
import { Access } from './route-access.js';

/** The reminders of a namespace. */
export type RemindersOf = (namespace: string) => RemindersService;

export const REMINDERS = Symbol('Reminders');

const pathSchema = z.object({ ns: NAME, user: z.string() });

interface ReminderPath {
  readonly ns: string;
  readonly user: string;
  readonly reminder: string;
}

@Controller('v1/namespaces/:ns/users/:user/reminders')
export class RemindersController {
  readonly #remindersOf: RemindersOf;

  constructor(@Inject(REMINDERS) remindersOf: RemindersOf) {
    this.#remindersOf = remindersOf;
  }

  @Get()
  @Operation({ summary: 'All reminders of a user, the next one first', answers: { 200: 'ReminderList' } })
  async list(@Param() path: unknown): Promise<{ items: readonly ReminderView[] }> {
    const { ns, user } = parseInput(pathSchema, path);
    return { items: await this.#remindersOf(ns).list(user) };
  }

  @Post('import')
  @HttpCode(200)
  @Access({ accepts: IMPORT_MEDIA_TYPES })
  @Operation({
    summary: 'Take over an iCalendar or vCard file; a malformed one changes nothing',
    query: importOptionsSchema,
    body: { mediaType: 'text/calendar', description: 'The file; with Content-Type text/vcard an address book' },
    answers: { 200: 'ImportReport' },
  })
  import(
    @Param() path: unknown,
    @Query() options: unknown,
    @Headers('content-type') mediaType: string | undefined,
    @Body() body: string | undefined,
  ): Promise<ImportReport> {
    const { ns, user } = parseInput(pathSchema, path);
    if (mediaType === undefined || typeof body !== 'string') {
      throw new ValidationError([
        { field: 'Content-Type', message: 'is missing', allowed: IMPORT_MEDIA_TYPES.join(' | ') },
      ]);
    }
    return this.#remindersOf(ns).import(user, { mediaType, bytes: Buffer.from(body) }, options);
  }

  @Put(':reminder')
  @Operation({
    summary: 'Create a reminder or replace it as a whole',
    body: 'ReminderInput',
    answers: { 200: 'Reminder', 201: 'Reminder' },
  })
  async put(
    @Param() path: ReminderPath,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReminderView> {
    const { ns, user } = parseInput(pathSchema, path);
    const { outcome, reminder } = await this.#remindersOf(ns).put(user, path.reminder, body);
    void reply.code(outcome === 'created' ? 201 : 200);
    return reminder;
  }

  @Get(':reminder')
  @Operation({ summary: 'Read a reminder', answers: { 200: 'Reminder' } })
  get(@Param() path: ReminderPath): Promise<ReminderView> {
    const { ns, user } = parseInput(pathSchema, path);
    return this.#remindersOf(ns).get(user, path.reminder);
  }

  @Delete(':reminder')
  @HttpCode(204)
  @Operation({ summary: 'Delete a reminder with its alerts', answers: { 204: null } })
  async delete(@Param() path: ReminderPath): Promise<void> {
    const { ns, user } = parseInput(pathSchema, path);
    await this.#remindersOf(ns).delete(user, path.reminder);
  }
}
