import { compileCalendar, parseCalendar, type CalendarInput, type CompiledCalendar } from '../domain/calendar.js';
import { ValidationError } from '../domain/errors.js';
import type { CalendarLookup } from './calendar-lookup.js';

/** Calendars of a preview: by name, or written out. Errors: `ValidationError`, fields `calendars[i]`. */
export async function previewCalendars(
  calendars: readonly (string | CalendarInput)[],
  { lookup, timeZone }: { readonly lookup: CalendarLookup; readonly timeZone: string },
): Promise<readonly CompiledCalendar[]> {
  const named = async (name: string, field: string): Promise<CompiledCalendar | undefined> => {
    try {
      return (await lookup.of({ calendars: [name], timeZone }))[0];
    } catch (error) {
      throw error instanceof ValidationError ? at(field, error) : error;
    }
  };
  const compiled: CompiledCalendar[] = [];
  for (const [index, calendar] of calendars.entries()) {
    const field = `calendars[${index}]`;
    if (typeof calendar === 'string') {
      compiled.push((await named(calendar, field)) as CompiledCalendar);
      continue;
    }
    const base = calendar.base === undefined ? undefined : await named(calendar.base, `${field}.base`);
    compiled.push(writtenOut(calendar, { field, timeZone, base }));
  }
  return compiled;
}

function writtenOut(
  calendar: CalendarInput,
  { field, timeZone, base }: { field: string; timeZone: string; base: CompiledCalendar | undefined },
): CompiledCalendar {
  try {
    return compileCalendar(parseCalendar(calendar), { timeZone, base });
  } catch (error) {
    throw error instanceof ValidationError ? error.under(field) : error;
  }
}

/** The same violations, of this one field. */
function at(field: string, { violations, code }: ValidationError): ValidationError {
  return new ValidationError(
    violations.map((violation) => ({ ...violation, field })),
    code as 'CJ_CALENDAR_NOT_FOUND',
  );
}
