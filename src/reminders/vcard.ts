import { fileError, decodeFile, valueError } from './content-lines.js';
import { parseFile, property, textOf, type ParsedBlock, type ParsedProperty } from './parsed-file.js';
import { hashOf, reminderIdOf, type ReadFile, type Reminder, type Skipped } from './reminder.js';

export const CARD_LIMITS = { bytes: 4_194_304, cards: 10_000 } as const;

/** What a birthday on 29 February means in a year without that day. */
export type LeapDayRule = 'lastOfFebruary' | 'firstOfMarch' | 'leapYearsOnly';

/** Where the year is unknown or long past, a rule starts in this leap year: what came before is of no interest. */
const FIRST_YEAR = 2000;

const LEAP_DAY_RULES: Readonly<Record<LeapDayRule, string>> = {
  lastOfFebruary: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1',
  // The 60th day of a year is 29 February, or 1 March.
  firstOfMarch: 'FREQ=YEARLY;BYYEARDAY=60',
  leapYearsOnly: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29',
};

/**
 * Reads the birthdays of a vCard file (versions 3 and 4, any number of cards).
 * Errors: `CJ_CALENDAR_FILE_INVALID` for the whole file when it is malformed.
 */
export function readCards(bytes: Uint8Array, { leapDay }: { readonly leapDay: LeapDayRule }): ReadFile {
  const cards = parseFile(decodeFile(bytes, CARD_LIMITS.bytes));
  if (cards.length > CARD_LIMITS.cards) throw fileError('file', 'holds too many cards', `at most ${CARD_LIMITS.cards}`);
  const reminders: Reminder[] = [];
  const skipped: Skipped[] = [];
  for (const card of cards) {
    if (card.name !== 'VCARD') throw fileError(`line ${card.line}`, `BEGIN:${card.name}`, 'VCARD');
    const bday = property(card, 'BDAY');
    const birthday = bday === undefined ? null : birthdayOf(bday);
    if (birthday === null) skipped.push({ uid: uidOf(card), title: nameOf(card), reason: 'no-birthday' });
    else reminders.push(reminderOf(card, birthday, leapDay));
  }
  return { reminders, skipped };
}

interface Birthday {
  /** Null when the card does not tell it. */
  readonly year: number | null;
  readonly month: number;
  readonly day: number;
}

function reminderOf(card: ParsedBlock, { year, month, day }: Birthday, leapDay: LeapDayRule): Reminder {
  const uid = uidOf(card);
  const isLeapDay = month === 2 && day === 29;
  const monthDay = `${digits(month)}-${digits(day)}`;
  return {
    id: reminderIdOf(uid),
    uid,
    kind: 'birthday',
    title: nameOf(card),
    start: { date: `${Math.max(isLeapDay ? FIRST_YEAR : (year ?? FIRST_YEAR), FIRST_YEAR)}-${monthDay}` },
    length: { days: 1, ms: 0 },
    alarms: null,
    sequence: 0,
    isCancelled: false,
    recurrence: [`RRULE:${isLeapDay ? LEAP_DAY_RULES[leapDay] : `FREQ=YEARLY;BYMONTH=${month};BYMONTHDAY=${day}`}`],
    exdates: [],
    instances: [],
    data: { name: nameOf(card), birthday: year === null ? `--${monthDay}` : `${year}-${monthDay}` },
  };
}

/** `19900228`, `1990-02-28`, `--0228`, `--02-28`, each with or without a time. Null for text and for partial dates. */
function birthdayOf(source: ParsedProperty): Birthday | null {
  if (/;VALUE=text(?:;|$)/i.test(source.parameters)) return null;
  const text = source.value.trim();
  const match = /^(?:(\d{4})|-)-?(\d{2})-?(\d{2})(?:T.*)?$/.exec(text);
  if (match === null) {
    // RFC 6350 4.3: a year, a year with a month, or a day alone are dates too, but no birthday to remind of.
    if (/^(?:\d{4}(?:-\d{2})?|--\d{2}|---\d{2})$/.test(text) || text === '') return null;
    throw valueError(source, 'is no date', '1990-02-28, 19900228 or --0228');
  }
  // Address books that need a year write this one where none is known.
  const year =
    match[1] === undefined || match[1] === '1604' || source.parameter('x-apple-omit-year') === match[1]
      ? null
      : Number(match[1]);
  const [month, day] = [Number(match[2]), Number(match[3])];
  const probe = new Date(Date.UTC(year ?? FIRST_YEAR, month - 1, day));
  if (probe.getUTCMonth() !== month - 1 || probe.getUTCDate() !== day) throw valueError(source, 'is no date');
  return { year, month, day };
}

function nameOf(card: ParsedBlock): string {
  const formatted = textOf(card, 'FN');
  if (formatted !== '') return formatted;
  const parts = property(card, 'N')?.values[0];
  const [family = '', given = ''] = Array.isArray(parts) ? parts.map(String) : [];
  return `${given} ${family}`.trim() || '(no name)';
}

function uidOf(card: ParsedBlock): string {
  return textOf(card, 'UID') || hashOf(`${nameOf(card)}|${property(card, 'BDAY')?.value ?? ''}`);
}

function digits(number: number): string {
  return String(number).padStart(2, '0');
}
