import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualExecutionId, scheduledExecutionId, type NewExecution } from '../../../src/domain/execution.js';
import type { TriggerDefinition } from '../../../src/domain/trigger.js';
import { canonicalJson, escapeField, unescapeField } from '../../../src/store/redis/canonical-json.js';
import { decodeExecution, encodeMissed, encodeNewExecution } from '../../../src/store/redis/execution-codec.js';
import { decodeJob, encodeJob } from '../../../src/store/redis/job-codec.js';
import { decodeTrigger, packTrigger, unpackTrigger } from '../../../src/store/redis/trigger-codec.js';
import { aJobDefinition } from '../../support/builders.js';

const json = fc
  .jsonValue({ maxDepth: 3, stringUnit: 'binary' })
  .map((value) => JSON.parse(JSON.stringify(value)) as never);
const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
const instant = fc.integer({ min: 0, max: 7_258_118_400_000 });

const schedule = fc.oneof(
  fc.record(
    {
      type: fc.constant('cron' as const),
      expression: text,
      dialect: fc.constantFrom('unix' as const, 'quartz' as const),
    },
    { requiredKeys: ['type', 'expression'] },
  ),
  fc.record(
    { type: fc.constant('every' as const), everyMs: fc.integer({ min: 100 }), anchor: text },
    { requiredKeys: ['type', 'everyMs'] },
  ),
  fc.record({ type: fc.constant('at' as const), at: text }),
  fc.record({ type: fc.constant('rrule' as const), rrule: text, dtstart: text }),
);

const definition = fc.record(
  {
    schedule,
    timeZone: fc.constantFrom('UTC', 'America/New_York', 'Asia/Kathmandu'),
    startAt: instant,
    endAt: instant,
    maxFires: fc.integer({ min: 1 }),
    jitterMs: fc.integer({ min: 1 }),
    dstGap: fc.constantFrom('next' as const, 'skip' as const, 'shift' as const),
    dstOverlap: fc.constantFrom('first' as const, 'second' as const, 'both' as const),
    calendars: fc.array(fc.constantFrom('a', 'b.c', '-_', 'k'), { minLength: 1, maxLength: 3 }),
    misfire: fc.record({
      policy: fc.constantFrom('fireOnce' as const, 'fireAll' as const, 'skip' as const),
      graceMs: instant,
      maxAgeMs: instant,
      maxCount: fc.integer({ min: 1 }),
    }),
    overlap: fc.constantFrom('skip' as const, 'allow' as const),
    data: json,
    paused: fc.constant(true as const),
  },
  { requiredKeys: ['schedule', 'timeZone'] },
) as fc.Arbitrary<TriggerDefinition>;

describe('a packed trigger', () => {
  it('gives back every definition', () => {
    fc.assert(fc.property(definition, (given) => void expect(unpackTrigger(packTrigger(given))).toEqual(given)));
  });

  it('is one line, so that it can stand below the state', () => {
    fc.assert(fc.property(definition, (given) => void expect(packTrigger(given)).not.toContain('\n')));
  });

  it('is equal for definitions that are equal whatever the order of their fields', () => {
    fc.assert(
      fc.property(definition, (given) => {
        const turned = Object.fromEntries(Object.entries(given).reverse()) as unknown as TriggerDefinition;
        expect(packTrigger(turned)).toBe(packTrigger(given));
      }),
    );
  });

  it('is small for a cron trigger', () => {
    const cron = { schedule: { type: 'cron', expression: '0 9 * * 1-5' }, timeZone: 'Europe/Berlin' } as const;
    expect(packTrigger(cron)).toBe('c0 9 * * 1-5|zEurope/Berlin');
    expect(packTrigger({ ...cron, timeZone: 'UTC' })).toBe('c0 9 * * 1-5');
  });

  it('comes with its state, and names its last execution', () => {
    const trigger = decodeTrigger(3, 'ns/job/t', '2|1700000000000|5|000001700000000000\ne1000', 1_700_000_001_000);
    expect(trigger).toEqual({
      key: 'ns/job/t',
      definition: { schedule: { type: 'every', everyMs: 1000 }, timeZone: 'UTC' },
      state: {
        ...{ version: 2, watermark: 1_700_000_000_000, fireCount: 5 },
        lastExecutionId: scheduledExecutionId(3, 'ns/job/t', 1_700_000_000_000),
      },
      dueAt: 1_700_000_001_000,
    });
    expect(decodeTrigger(3, 'ns/job/t', '1|5|0|\ne1000', null)).not.toHaveProperty('dueAt');
  });
});

describe('an execution record', () => {
  const head = 'queued|0|3|5|7|||||||\n';
  const newExecution = fc.record({
    nominalAt: instant,
    idAt: fc.option(instant),
    dueAt: instant,
    trigger: fc.option(fc.constantFrom('default', 'a.b-c_d')),
    priority: fc.integer({ min: -100, max: 100 }),
    data: fc.option(json, { nil: undefined }),
  });

  it('gives back every new execution', () => {
    fc.assert(
      fc.property(newExecution, ({ idAt, data, ...fields }) => {
        const id = manualExecutionId(2, idAt ?? fields.nominalAt, 'x');
        const given: NewExecution = {
          ...fields,
          ...{ id, job: 'ns/job', lane: 'default/handler/work', maxAttempts: 3 },
          ...(data === undefined ? {} : { data }),
        };
        const [attempts, order, lines] = encodeNewExecution(given);
        const stored = decodeExecution(id, `${head}${order}${lines}`);
        expect(stored).toEqual({ ...given, state: 'queued', firedAt: 5, attempt: 0, epoch: 7 });
        expect(attempts).toBe('3');
      }),
    );
  });

  it('has orders that sort as executions are claimed: priority, then due instant', () => {
    const pair = fc.tuple(newExecution, newExecution);
    fc.assert(
      fc.property(pair, (executions) => {
        const [a, b] = executions.map(({ priority, dueAt }) => ({ priority, dueAt }));
        const order = (of: typeof a) => {
          const id = manualExecutionId(2, 1, 'x');
          const rest = { id, job: 'ns/job', trigger: null, nominalAt: 1, lane: 'q/http', maxAttempts: 1 } as const;
          return encodeNewExecution({ ...rest, priority: of?.priority ?? 0, dueAt: of?.dueAt ?? 0 })[1];
        };
        const expected = (b?.priority ?? 0) - (a?.priority ?? 0) || (a?.dueAt ?? 0) - (b?.dueAt ?? 0);
        const [left, right] = [order(a), order(b)];
        expect(Math.sign(left < right ? -1 : left > right ? 1 : 0)).toBe(Math.sign(expected));
      }),
    );
  });

  it('tells how many times a missed record stands for', () => {
    const id = manualExecutionId(2, 1000, 'x');
    const range = { id, nominalAt: 1000, throughAt: 3000, count: 3, reason: 'misfire-skip' } as const;
    const [reason, due, lines] = encodeMissed(range, 'ns/job', 't');
    expect([reason, due]).toEqual(['misfire-skip', '000000000001000']);
    const stored = decodeExecution(id, `missed|0|3|9|7||||9|${reason}||\nq/http 100${due}${lines}`);
    expect(stored).toMatchObject({ state: 'missed', reason, missed: { count: 3, throughAt: 3000 }, finishedAt: 9 });
    expect(stored).not.toHaveProperty('result');
  });

  it('is refused when it is damaged', () => {
    const id = manualExecutionId(2, 1000, 'x');
    expect(() => decodeExecution(id, 'queued|0')).toThrow(expect.objectContaining({ code: 'CJ_INVARIANT' }));
  });
});

describe('a job record', () => {
  it('gives back definition, state and pause', () => {
    const given = aJobDefinition({ data: { z: 1, a: ['x\ny', null] }, labels: { b: '1', a: '2' }, priority: -5 });
    const { definitionJson, facts } = encodeJob(given);
    expect(facts).toBe('default/handler/work 105|3|86400000|604800000');
    const job = { ...given, namespace: 'ns', name: 'job', version: 3, createdAt: 1, updatedAt: 2 };
    expect(decodeJob('ns/job', `3|1|2|||${facts}\n${definitionJson}\n`)).toEqual(job);
    const pause = { since: 8, reason: 'a|b\n"c"' };
    const paused = decodeJob('ns/job', `3|1|2|8|7|${facts}\n${definitionJson}\n${canonicalJson(pause.reason)}`);
    expect(paused).toEqual({ ...job, pause, resumedAt: 7 });
    expect(decodeJob('ns/job', '-')).toBeNull();
  });
});

describe('canonical JSON', () => {
  it('keeps the value, and is one text for one value', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });
});

describe('an escaped field', () => {
  it('gives back every text and holds no separator', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (given) => {
        expect(unescapeField(escapeField(given))).toBe(given);
        expect(escapeField(given)).not.toMatch(/[|\s\n]/);
      }),
    );
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, field]) => [name, reversed(field)]),
  );
}
