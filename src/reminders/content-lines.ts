import { ValidationError } from '../domain/errors.js';

/**
 * The lines of an iCalendar or vCard file: unfolded, numbered, and nested as BEGIN and END say. The parser
 * library forgets where a value came from; with this, an error can name the line.
 */

export interface ContentLine {
  /** Number of its first line in the file, from 1. */
  readonly line: number;
  /** Upper case, without a group prefix. */
  readonly name: string;
  readonly parameters: string;
  readonly value: string;
}

export interface LineBlock {
  readonly name: string;
  readonly line: number;
  readonly lines: readonly ContentLine[];
  readonly blocks: readonly LineBlock[];
}

interface OpenBlock {
  readonly name: string;
  readonly line: number;
  readonly lines: ContentLine[];
  readonly blocks: LineBlock[];
}

/** Deeper nesting than VCALENDAR, VEVENT, VALARM has no meaning here. */
const MAX_DEPTH = 8;

/** The file as text. Errors: `CJ_CALENDAR_FILE_INVALID` when it is larger than `maxBytes` or not UTF-8. */
export function decodeFile(bytes: Uint8Array, maxBytes: number): string {
  if (bytes.byteLength > maxBytes) throw fileError('file', 'is too large', `at most ${maxBytes} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fileError('file', 'is not text in UTF-8');
  }
}

/** The outermost blocks. Errors: `CJ_CALENDAR_FILE_INVALID` naming the line. */
export function readBlocks(text: string): LineBlock[] {
  const root: OpenBlock = { name: '', line: 0, lines: [], blocks: [] };
  const open: OpenBlock[] = [root];
  for (const { line, content } of unfolded(text)) {
    const current = open.at(-1) ?? root;
    const parsed = contentLine(content, line);
    if (parsed.name === 'BEGIN') {
      if (open.length > MAX_DEPTH) throw fileError(`line ${line}`, 'BEGIN is nested too deeply');
      open.push({ name: parsed.value.trim().toUpperCase(), line, lines: [], blocks: [] });
    } else if (parsed.name === 'END') {
      if (open.length === 1 || current.name !== parsed.value.trim().toUpperCase()) {
        const expected = open.length === 1 ? 'nothing is open' : `${current.name} of line ${current.line} is open`;
        throw fileError(`line ${line}`, `END:${parsed.value} does not match: ${expected}`);
      }
      open.pop();
      open.at(-1)?.blocks.push(current);
    } else if (open.length === 1) {
      throw fileError(`line ${line}`, `${parsed.name} stands outside of any BEGIN`);
    } else {
      current.lines.push(parsed);
    }
  }
  const unclosed = open.length > 1 ? open.at(-1) : undefined;
  if (unclosed !== undefined) throw fileError(`line ${unclosed.line}`, `BEGIN:${unclosed.name} has no END`);
  return root.blocks;
}

export function fileError(field: string, message: string, allowed?: string): ValidationError {
  const violation = { field, message };
  return new ValidationError(
    [allowed === undefined ? violation : { ...violation, allowed }],
    'CJ_CALENDAR_FILE_INVALID',
  );
}

export function valueError({ line, name, value }: ContentLine, message: string, allowed?: string): ValidationError {
  const shown = value.length <= 60 ? value : `${value.slice(0, 59)}…`;
  return fileError(`line ${line}, ${name}`, `'${shown}' ${message}`, allowed);
}

/** Long lines are folded with a break and a blank (RFC 5545 3.1). */
function unfolded(text: string): { line: number; content: string }[] {
  const found: { line: number; content: string[] }[] = [];
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    if (/^[ \t]/.test(raw)) found.at(-1)?.content.push(raw.slice(1));
    else if (raw !== '') found.push({ line: index + 1, content: [raw] });
  }
  return found.map(({ line, content }) => ({ line, content: content.join('') }));
}

const PARAMETER = /;[^=:;"]+(?:=(?:"[^"]*"|[^":;,]*)(?:,(?:"[^"]*"|[^":;,]*))*)?/;
const LINE = new RegExp(`^(?:[A-Za-z0-9-]+\\.)?([A-Za-z0-9-]+)((?:${PARAMETER.source})*):(.*)$`, 's');

/** `name *(";" param) ":" value`, where a quoted parameter may hold colons. */
function contentLine(content: string, line: number): ContentLine {
  const match = LINE.exec(content);
  if (match === null) {
    const shown = content.length <= 40 ? content : `${content.slice(0, 39)}…`;
    throw fileError(`line ${line}`, `'${shown}' is not NAME:VALUE`);
  }
  const [, name = '', parameters = '', value = ''] = match;
  return { line, name: name.toUpperCase(), parameters, value };
}
