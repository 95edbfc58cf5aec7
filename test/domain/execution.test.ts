import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  idempotencyKeyOf,
  manualExecutionId,
  missedExecutionId,
  parseExecutionId,
  scheduledExecutionId,
  triggerIdentity,
} from '../../src/domain/execution.js';
import type { TriggerKey } from '../../src/domain/trigger.js';

const NOON = Date.parse('2030-01-01T12:00:00Z');
const aShard = fc.integer({ min: 0, max: 1023 });
const anInstant = fc.integer({ min: 0, max: 253_402_300_799_999 });
const aName = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/);
const aTriggerKey = fc.tuple(aName, aName, aName).map((parts) => parts.join('/') as TriggerKey);

describe('execution ids', () => {
  it('tell shard and nominal time', () => {
    fc.assert(
      fc.property(aShard, anInstant, aTriggerKey, (shard, nominalAt, trigger) => {
        const id = scheduledExecutionId(shard, trigger, nominalAt);
        expect(parseExecutionId(id)).toEqual({ id, shard, nominalAt });
        const missed = missedExecutionId(shard, trigger, nominalAt);
        expect(parseExecutionId(missed)).toEqual({ id: missed, shard, nominalAt });
      }),
    );
  });

  it('sort by time within a shard', () => {
    fc.assert(
      fc.property(anInstant, anInstant, aTriggerKey, (a, b, trigger) => {
        const isBefore = scheduledExecutionId(7, trigger, a) < scheduledExecutionId(7, trigger, b);
        expect(isBefore).toBe(a < b);
      }),
    );
  });

  it('are equal for one fire however often it is computed, and differ between triggers, times and kinds', () => {
    const id = scheduledExecutionId(3, 'shop/nightly/default', NOON);
    expect(id).toBe('3-001893499200000-' + triggerIdentity('shop/nightly/default'));
    expect(scheduledExecutionId(3, 'shop/nightly/default', NOON)).toBe(id);
    const others = [
      scheduledExecutionId(3, 'shop/nightly/default', NOON + 1),
      scheduledExecutionId(3, 'shop/nightly/other', NOON),
      missedExecutionId(3, 'shop/nightly/default', NOON),
      manualExecutionId(3, NOON, triggerIdentity('shop/nightly/default')),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
  });

  it.each([
    '',
    'x',
    '3-1893499200000-abc',
    '3-001893499200000-',
    '3-001893499200000-ABC',
    '12345-001893499200000-abc',
    '-1-001893499200000-abc',
    '3-001893499200000-abc\n',
    '3-001893499200000-' + 'a'.repeat(41),
  ])('are not %j', (text) => {
    expect(parseExecutionId(text)).toBeNull();
  });
});

describe('the idempotency key', () => {
  it('is that of the fire for all attempts of a scheduled execution', () => {
    const id = scheduledExecutionId(3, 'shop/nightly/default', NOON);
    const key = idempotencyKeyOf({ id, job: 'shop/nightly', trigger: 'default', nominalAt: NOON });
    expect(key).toBe('shop/nightly/default@1893499200000');
  });

  it('is that of the run for one asked for by a caller', () => {
    const [a, b] = ['a', 'b'].map((unique) => {
      const id = manualExecutionId(3, NOON, unique);
      return idempotencyKeyOf({ id, job: 'shop/nightly', trigger: null, nominalAt: NOON });
    });
    expect(a).toBe('shop/nightly@3-001893499200000-ma');
    expect(a).not.toBe(b);
  });
});
