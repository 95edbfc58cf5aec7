import type { JsonValue } from '../../domain/json.js';

/**
 * JSON text that is equal for equal values: object fields in order of their names, undefined ones left out.
 * Scripts compare definitions as text. Never holds a line break.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}

export function parseJson(text: string): JsonValue {
  return JSON.parse(text) as JsonValue;
}

/** Text from outside (worker names, tokens) as one field of a record: `|`, `%`, blanks and control characters are escaped. */
export function escapeField(text: string): string {
  return /[|%\s\p{Cc}]/u.test(text) ? text.replace(/[|%\s\p{Cc}]/gu, encodeCharacter) : text;
}

export function unescapeField(field: string): string {
  return field.includes('%') ? decodeURIComponent(field) : field;
}

function encodeCharacter(character: string): string {
  return character === '|' ? '%7C' : encodeURIComponent(character);
}
