import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonBody } from '../../src/api/json-body.js';
import { jsonFault } from '../../src/api/json-fault.js';

describe('the place of a fault', () => {
  it('is where a text stops to be the beginning of some JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom('\u0001', '@', '}', ']', ',', ':', '"'), (json, at, wrong) => {
        const place = at % (json.length + 1);
        const text = json.slice(0, place) + wrong + json.slice(place);
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        fc.pre(!isJson);
        const fault = jsonFault(text);
        expect(fault).toBeGreaterThanOrEqual(0);
        expect(fault).toBeLessThanOrEqual(text.length);
        // What stands before the fault is the beginning of some JSON: another text could go on from there.
        expect(jsonFault(text.slice(0, fault))).toBe(fault);
      }),
      { numRuns: 500 },
    );
  });

  it('is never found in good JSON before its end', () => {
    fc.assert(
      fc.property(fc.json(), (json) => jsonFault(json) === json.length),
      { numRuns: 500 },
    );
  });

  it('of a very long broken string is found', () => {
    expect(jsonFault(`{"a": "${'x'.repeat(250_000)}`)).toBe(6);
  });
});

describe('parsing a body', () => {
  it('gives what the engine would', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        fc.pre(!json.includes('__proto__'));
        expect(parseJsonBody(json)).toEqual(JSON.parse(json));
      }),
    );
  });

  it('of blanks is no body', () => {
    expect(parseJsonBody(' \n')).toBeUndefined();
  });
});
