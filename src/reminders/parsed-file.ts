import ICAL from 'ical.js';
import { fileError, readBlocks, valueError, type ContentLine, type LineBlock } from './content-lines.js';

/** One property as the parser library reads it, with the line it stands on. */
export interface ParsedProperty extends ContentLine {
  readonly parameter: (name: string) => string | undefined;
  /** Unescaped values: text, ISO dates and date-times, durations. */
  readonly values: readonly unknown[];
}

export interface ParsedBlock {
  readonly name: string;
  readonly line: number;
  readonly properties: readonly ParsedProperty[];
  readonly blocks: readonly ParsedBlock[];
}

type JProperty = [string, Record<string, string | string[]>, string, ...unknown[]];
type JComponent = [string, JProperty[], JComponent[]];

/** The outermost components of a file. Errors: `CJ_CALENDAR_FILE_INVALID` naming line and property. */
export function parseFile(text: string): ParsedBlock[] {
  const blocks = readBlocks(text);
  if (blocks.length === 0) throw fileError('file', 'holds no calendar and no card', 'BEGIN:VCALENDAR or BEGIN:VCARD');
  const parsed = parse(text, blocks);
  return blocks.map((block, index) => joined(block, parsed[index]));
}

export function property(block: ParsedBlock, name: string): ParsedProperty | undefined {
  return block.properties.find((candidate) => candidate.name === name);
}

export function properties(block: ParsedBlock, name: string): ParsedProperty[] {
  return block.properties.filter((candidate) => candidate.name === name);
}

/** The text of a property, empty when it is not there. */
export function textOf(block: ParsedBlock, name: string): string {
  const value = property(block, name)?.values[0];
  return typeof value === 'string' ? value.trim() : '';
}

function parse(text: string, blocks: readonly LineBlock[]): JComponent[] {
  try {
    const parsed = ICAL.parse(text) as unknown as JComponent | JComponent[];
    return typeof parsed[0] === 'string' ? [parsed as JComponent] : (parsed as JComponent[]);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'cannot be read';
    for (const block of blocks) blameLine(block, message);
    throw fileError('file', message);
  }
}

/** Throws for the first line that the library does not read by itself. */
function blameLine(block: LineBlock, message: string): void {
  for (const line of block.lines) {
    try {
      ICAL.parse.property(`${line.name}${line.parameters}:${line.value}`);
    } catch {
      throw valueError(line, `cannot be read (${message})`);
    }
  }
  for (const inner of block.blocks) blameLine(inner, message);
}

function joined(block: LineBlock, component: JComponent | undefined): ParsedBlock {
  if (component === undefined || component[1].length !== block.lines.length) {
    throw fileError(`line ${block.line}`, `BEGIN:${block.name} cannot be read`);
  }
  return {
    name: block.name,
    line: block.line,
    properties: block.lines.map((line, index) => {
      const [, parameters, , ...values] = component[1][index] as JProperty;
      const parameter = (name: string): string | undefined => {
        const value = parameters[name.toLowerCase()];
        return Array.isArray(value) ? value[0] : value;
      };
      return { ...line, parameter, values };
    }),
    blocks: block.blocks.map((inner, index) => joined(inner, component[2][index])),
  };
}
