import { describe, expect, it } from 'vitest';
import { clockChangeNote } from '../../../src/domain/time/clock-change-note.js';
import { compileSchedule, type ScheduleContext } from '../../../src/domain/time/schedule.js';

const NEW_YORK = { timeZone: 'America/New_York' };

/** The notes of the first two fires after an instant. */
function notes(expression: string, after: string, context: ScheduleContext = NEW_YORK) {
  const schedule = { type: 'cron', expression } as const;
  return compileSchedule(schedule, context)
    .preview(Date.parse(after), 2)
    .map((at) => clockChangeNote(schedule, context, at));
}

describe('the note of a fire', () => {
  it('says which time does not exist', () => {
    expect(notes('30 2 * * *', '2025-03-08T12:00:00Z')).toEqual(['02:30 does not exist on this day', undefined]);
    expect(notes('45 2 * * *', '2025-03-08T12:00:00Z', { ...NEW_YORK, dstGap: 'shift' })[0]).toBe(
      '02:45 does not exist on this day',
    );
    expect(notes('@daily', '2018-11-03T12:00:00Z', { timeZone: 'America/Sao_Paulo' })[0]).toBe(
      '00:00 does not exist on this day',
    );
  });

  it('explains a schedule whose only time lies in a gap', () => {
    const once = { type: 'cron', expression: '0 30 2 9 3 ? 2025', dialect: 'quartz' } as const;
    expect(clockChangeNote(once, NEW_YORK, Date.parse('2025-03-09T07:00:00Z'))).toBe(
      '02:30 does not exist on this day',
    );
  });

  it('says nothing about a time that only borders on the gap', () => {
    expect(notes('0 3 * * *', '2025-03-08T12:00:00Z')).toEqual([undefined, undefined]);
    expect(notes('*/30 * * * *', '2025-03-09T06:30:00Z')).toEqual([undefined, undefined]);
  });

  it('says which pass of a repeated time it is', () => {
    expect(notes('30 1 * * *', '2025-11-01T12:00:00Z')).toEqual([
      '01:30 comes twice on this day; this is the first',
      undefined,
    ]);
    expect(notes('30 1 * * *', '2025-11-02T05:00:00Z', { ...NEW_YORK, dstOverlap: 'both' })).toEqual([
      '01:30 comes twice on this day; this is the first',
      '01:30 comes twice on this day; this is the second',
    ]);
    expect(notes('0 2 * * *', '2025-11-01T12:00:00Z')[0]).toBeUndefined();
  });

  it('speaks Chinese when asked to', () => {
    const schedule = { type: 'cron', expression: '30 1,2 * * *' } as const;
    const note = (at: string) => clockChangeNote(schedule, { ...NEW_YORK, locale: 'zh-CN' }, Date.parse(at));
    expect(note('2025-03-09T07:00:00Z')).toBe('这一天没有 02:30');
    expect(note('2025-11-02T05:30:00Z')).toBe('01:30 在这一天出现两次，这是第一次');
    expect(note('2025-11-02T06:30:00Z')).toBe('01:30 在这一天出现两次，这是第二次');
    expect(note('2025-11-03T06:30:00Z')).toBeUndefined();
  });
});
