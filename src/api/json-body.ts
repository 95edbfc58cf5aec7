import { ValidationError } from '../domain/errors.js';
import { MAX_JSON_DEPTH } from '../domain/limits.js';
import { jsonFault } from './json-fault.js';

/**
 * Parses JSON from outside. Refuses what is nested deeper than `MAX_JSON_DEPTH`, and member names by which
 * careless copying would reach a prototype. Errors: `ValidationError` that names the position or the field.
 */
export function parseJsonBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  const depthFault = tooDeepAt(text);
  if (depthFault !== null) {
    throw new ValidationError([
      { field: 'body', message: `is nested too deeply at position ${depthFault}`, allowed: `${MAX_JSON_DEPTH} levels` },
    ]);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ValidationError([{ field: 'body', message: `is not valid JSON at position ${jsonFault(text)}` }]);
  }
  // Escapes can spell any name, so their presence asks for the walk as well.
  if (/proto|\\u/.test(text)) refusePrototypes(value, '');
  return value;
}

function tooDeepAt(text: string): number | null {
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (isInString) {
      if (char === 0x5c) i++;
      else if (char === 0x22) isInString = false;
    } else if (char === 0x22) isInString = true;
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > MAX_JSON_DEPTH) return i;
    } else if (char === 0x7d || char === 0x5d) depth--;
  }
  return null;
}

function refusePrototypes(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    const field = Array.isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    if (name === '__proto__' || (name === 'constructor' && hasPrototype(member))) {
      throw new ValidationError([{ field, message: 'is not allowed as a name' }]);
    }
    refusePrototypes(member, field);
  }
}

function hasPrototype(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
}
