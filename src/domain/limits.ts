import { z } from 'zod';

/** Limits on what callers may store; documented in `docs/config.md`. */

// Not `.` and `..`: no URL could address them.
const namePattern = /^(?!\.\.?$)[A-Za-z0-9._-]{1,128}$/;
const nameError = 'must be 1 to 128 characters out of A-Z a-z 0-9 . _ -, and not . or ..';

/** Names of namespaces, jobs, triggers, queues and calendars: safe in URLs, keys and channel names. */
export const NAME = z.string().regex(namePattern, nameError);
export const HANDLER_NAME = z.string().regex(namePattern, nameError);
export const USER_ID = z
  .string()
  .regex(
    /^(?!\.\.?$)[A-Za-z0-9._@+-]{1,128}$/,
    'must be 1 to 128 characters out of A-Z a-z 0-9 . _ @ + -, and not . or ..',
  );

export function isName(text: string): boolean {
  return namePattern.test(text);
}

export const MESSAGE_LIMITS = { titleLength: 256, bodyLength: 4096, dataBytes: 16_384 } as const;

/** Largest `data` of a job, trigger or run, and largest stored result, as JSON text in UTF-8. */
export const MAX_DATA_BYTES = 65_536;
export const MAX_LABELS = 32;
export const MAX_EXPRESSION_LENGTH = 256;
export const MAX_RRULE_LENGTH = 2048;
/** Calendars of one namespace. */
export const MAX_CALENDARS = 200;
export const MAX_CALENDARS_PER_TRIGGER = 8;
/** Largest iCalendar text of one calendar, in characters. */
export const MAX_ICS_LENGTH = 1_048_576;
/** Largest body of an ordinary request; imports have their own limit. */
export const MAX_BODY_BYTES = 262_144;
/** Deepest nesting of JSON that is taken from outside. */
export const MAX_JSON_DEPTH = 64;
export const MAX_IMPORT_BYTES = 10_485_760;
export const MAX_PAGE_SIZE = 500;
export const DEFAULT_PAGE_SIZE = 50;
