import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ValidationError, type Violation } from '../../src/domain/errors.js';
import { parseInput } from '../../src/domain/input.js';

const schema = z.strictObject({
  name: z.string().min(2).max(5),
  count: z.int().min(1).max(10).optional(),
  mode: z.enum(['on', 'off']).default('on'),
  items: z.array(z.strictObject({ id: z.string() })).optional(),
  target: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('http'), url: z.string() }),
      z.strictObject({ type: z.literal('push') }),
    ])
    .optional(),
  labels: z.record(z.string().regex(/^[a-z]+$/, 'must be lower case'), z.string()).optional(),
});

function violationsOf(input: unknown): readonly Violation[] {
  try {
    parseInput(schema, input);
  } catch (error) {
    if (error instanceof ValidationError) return error.violations;
    throw error;
  }
  return [];
}

describe('parseInput', () => {
  it('returns the parsed value with defaults', () => {
    expect(parseInput(schema, { name: 'ada' })).toEqual({ name: 'ada', mode: 'on' });
  });

  it('refuses with the code for invalid fields', () => {
    expect(() => parseInput(schema, {})).toThrow(expect.objectContaining({ code: 'CJ_VALIDATION_FAILED' }));
  });

  it.each<[string, unknown, string, string | undefined]>([
    ['a missing field', {}, 'name', 'string'],
    ['a wrong type', { name: 7 }, 'name', 'string'],
    ['a short text', { name: 'a' }, 'name', 'at least 2'],
    ['a long text', { name: 'abcdef' }, 'name', 'at most 5'],
    ['a small number', { name: 'ada', count: 0 }, 'count', 'at least 1'],
    ['a large number', { name: 'ada', count: 11 }, 'count', 'at most 10'],
    ['a value that is not listed', { name: 'ada', mode: 'maybe' }, 'mode', 'on | off'],
    ['an unknown field', { name: 'ada', colour: 'red' }, 'colour', undefined],
    ['an unknown field of an item', { name: 'ada', items: [{ id: 'a' }, { id: 'b', x: 1 }] }, 'items[1].x', undefined],
    ['a field of an item', { name: 'ada', items: [{ id: 'a' }, {}] }, 'items[1].id', 'string'],
    ['a field of a variant', { name: 'ada', target: { type: 'http' } }, 'target.url', 'string'],
    ['an unknown variant', { name: 'ada', target: { type: 'fax' } }, 'target.type', undefined],
    ['no object at all', 'text', '', 'object'],
    ['nothing', undefined, '', 'object'],
  ])('names field and allowed values for %s', (_case, input, field, allowed) => {
    const found = violationsOf(input);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ field, message: expect.stringMatching(/.{5,}/) });
    expect(found[0]?.allowed).toBe(allowed);
  });

  it('reports every problem at once', () => {
    const fields = violationsOf({ name: 'a', count: 99, extra: 1, other: 2 }).map((violation) => violation.field);
    expect([...fields].sort()).toEqual(['count', 'extra', 'name', 'other']);
  });

  it('says what is wrong with a key', () => {
    expect(violationsOf({ name: 'ada', labels: { UPPER: 'x' } })[0]?.field).toBe('labels.UPPER');
  });
});
