import type { ReferenceObject, SchemaObject } from '@nestjs/swagger';
import { z } from 'zod';
import { jobInputSchema, previewInputSchema } from '../client/job-input.js';
import { backfillInputSchema } from '../domain/backfill.js';
import { calendarSchema } from '../domain/calendar.js';
import { triggerInputSchema } from '../domain/trigger.js';
import { reminderInputSchema } from '../reminders/reminders.service.js';
import { importReportSchema, reminderViewSchema } from './reminder-schemas.js';
import {
  acceptedViewSchema,
  acknowledgementInputSchema,
  gateNodesViewSchema,
  gateViewSchema,
  inboxViewSchema,
  messageInputSchema,
  sentMessageViewSchema,
  ticketInputSchema,
  ticketViewSchema,
} from './messaging-schemas.js';
import {
  backfillViewSchema,
  calendarSummarySchema,
  calendarViewSchema,
  clusterViewSchema,
  executionViewSchema,
  healthViewSchema,
  jobViewSchema,
  pageOf,
  previewViewSchema,
  problemSchema,
  triggerViewSchema,
  workerViewSchema,
} from './view-schemas.js';

export const runInputSchema = z.strictObject({ data: z.json().optional() });
export const pauseInputSchema = z.strictObject({ reason: z.string().max(256).optional() });
const patchSchema = z.record(z.string(), z.unknown()).describe('RFC 7396: null removes a field');

/** Bodies as they are written by a caller. */
const inputs = {
  JobInput: jobInputSchema.partial({ name: true }),
  TriggerInput: triggerInputSchema,
  CalendarInput: calendarSchema,
  PreviewInput: previewInputSchema,
  RunInput: runInputSchema,
  BackfillInput: backfillInputSchema,
  PauseInput: pauseInputSchema,
  MergePatch: patchSchema,
  MessageInput: messageInputSchema,
  TicketInput: ticketInputSchema,
  AcknowledgementInput: acknowledgementInputSchema,
  ReminderInput: reminderInputSchema,
} as const;

/** Answers. */
const outputs = {
  Job: jobViewSchema,
  JobPage: pageOf(jobViewSchema),
  Trigger: triggerViewSchema,
  TriggerPage: pageOf(triggerViewSchema),
  Calendar: calendarViewSchema,
  CalendarList: z.strictObject({ items: z.array(calendarSummarySchema) }),
  Execution: executionViewSchema,
  ExecutionPage: pageOf(executionViewSchema),
  Backfill: backfillViewSchema,
  BackfillList: z.strictObject({ items: z.array(backfillViewSchema) }),
  SchedulePreview: previewViewSchema,
  Cluster: clusterViewSchema,
  WorkerPage: pageOf(workerViewSchema),
  Health: healthViewSchema,
  SentMessages: z.strictObject({ items: z.array(sentMessageViewSchema) }),
  InboxPage: pageOf(inboxViewSchema),
  Ticket: ticketViewSchema,
  Gate: gateViewSchema,
  GateNodes: gateNodesViewSchema,
  Accepted: acceptedViewSchema,
  Reminder: reminderViewSchema,
  ReminderList: z.strictObject({ items: z.array(reminderViewSchema) }),
  ImportReport: importReportSchema,
  Problem: problemSchema,
} as const;

export type SchemaName = keyof typeof inputs | keyof typeof outputs;

export function schemaRef(name: SchemaName): ReferenceObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** Every named schema as JSON Schema 2020-12, which is what OpenAPI 3.1 uses. */
export function componentSchemas(): Record<string, SchemaObject> {
  return Object.fromEntries([
    ...Object.entries(inputs).map(([name, schema]) => [name, jsonSchemaOf(schema, 'input')] as const),
    ...Object.entries(outputs).map(([name, schema]) => [name, jsonSchemaOf(schema, 'output')] as const),
  ]);
}

export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): SchemaObject {
  return inlined(z.toJSONSchema(schema, { io, unrepresentable: 'any' })) as SchemaObject;
}

/** Any JSON is written as a schema that takes anything, instead of a recursion whose references need a root of their own. */
function inlined(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(inlined);
  if (typeof node !== 'object' || node === null) return node;
  if ('$ref' in node) return {};
  const { format } = node as { format?: unknown };
  // The pattern that stands beside a date-time says the same at ten times the length.
  const dropped = ['$schema', '$defs', ...(format === 'date-time' ? ['pattern'] : [])];
  return Object.fromEntries(
    Object.entries(node)
      .filter(([name]) => !dropped.includes(name))
      .map(([name, value]) => [name, inlined(value)]),
  );
}
