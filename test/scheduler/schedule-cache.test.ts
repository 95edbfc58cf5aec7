import { describe, expect, it } from 'vitest';
import { ScheduleCache } from '../../src/scheduler/schedule-cache.js';
import { aTriggerDefinition } from '../support/builders.js';

function hourly(timeZone = 'UTC') {
  return aTriggerDefinition({ schedule: { type: 'cron', expression: '0 * * * *' }, timeZone });
}

describe('ScheduleCache', () => {
  it('compiles what is written alike once for all triggers', () => {
    const cache = new ScheduleCache({ capacity: 10 });
    expect(cache.get('shop/a/x', hourly())).toBe(cache.get('shop/b/y', hourly()));
    expect(cache.size).toBe(1);
  });

  it('keeps zones apart', () => {
    const cache = new ScheduleCache({ capacity: 10 });
    expect(cache.get('shop/a/x', hourly('UTC'))).not.toBe(cache.get('shop/a/x', hourly('Asia/Tokyo')));
  });

  it('keeps triggers apart whose expression depends on their key', () => {
    const cache = new ScheduleCache({ capacity: 10 });
    const spread = aTriggerDefinition({ schedule: { type: 'cron', expression: 'H * * * *' } });
    expect(cache.get('shop/a/x', spread)).not.toBe(cache.get('shop/a/y', spread));
  });

  it('forgets what was used longest ago', () => {
    const cache = new ScheduleCache({ capacity: 2 });
    const [first, second] = [hourly('Europe/Paris'), hourly('Asia/Tokyo')];
    const kept = cache.get('shop/a/x', first);
    const forgotten = cache.get('shop/a/x', second);
    cache.get('shop/a/x', first);
    cache.get('shop/a/x', hourly('America/Lima'));
    expect(cache.size).toBe(2);
    expect(cache.get('shop/a/x', first)).toBe(kept);
    expect(cache.get('shop/a/x', second)).not.toBe(forgotten);
  });

  it('does not remember a failure', () => {
    const cache = new ScheduleCache({ capacity: 2 });
    expect(() => cache.get('shop/a/x', hourly('Mars/Base'))).toThrow();
    expect(cache.size).toBe(0);
  });
});
