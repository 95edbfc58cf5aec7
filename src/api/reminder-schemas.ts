import { z } from 'zod';

/** Answers about reminders; what callers write is `reminderInputSchema` of the reminders themselves. */

const instant = z.iso.datetime();

export const reminderViewSchema = z.strictObject({
  id: z.string(),
  uid: z.string(),
  kind: z.enum(['event', 'birthday']),
  title: z.string(),
  body: z.string().optional(),
  startsAt: z.string().describe('A date, or the wall-clock time of the first start in timeZone'),
  timeZone: z.string(),
  recurrence: z.string().optional(),
  sequence: z.int(),
  nextAt: instant.optional(),
  alerts: z.array(
    z.strictObject({
      trigger: z.string(),
      state: z.enum(['active', 'paused', 'finished']),
      nextAt: instant.optional(),
      replaces: z.string().optional().describe('Of a moved instance: the start that it had in its series'),
    }),
  ),
});

const outcomes = ['created', 'updated', 'unchanged', 'deleted', 'skipped'] as const;

export const importReportSchema = z.strictObject({
  items: z.array(
    z.strictObject({
      uid: z.string(),
      title: z.string(),
      outcome: z.enum(outcomes),
      id: z.string().optional(),
      triggerCount: z.int().optional(),
      reason: z.string().optional().describe('Why it was skipped'),
      detail: z.string().optional(),
    }),
  ),
  counts: z.record(z.enum(outcomes), z.int()),
});
