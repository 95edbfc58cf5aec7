import { describe, expect, it } from 'vitest';
import { PlanBook } from './plan-book.js';

const SLACK = 1500;
const rhythm = { kind: 'every' as const, everyMs: 1000, phaseMs: 0 };
const definition = { rhythm, overlap: 'allow' as const };

describe('PlanBook', () => {
  it('requires what lies clear of the writes at both ends, and allows what lies between them', () => {
    const book = new PlanBook();
    book.begin('t', definition, { sentAt: 10_000, ackedAt: 10_100 });
    book.end('t', { sentAt: 50_000, ackedAt: 50_200 });
    expect(book.plans([])[0]?.spans).toEqual([
      {
        rhythm,
        may: { from: 10_000 - SLACK, until: 50_200 },
        must: { from: 10_100 + SLACK, until: 50_000 - SLACK },
      },
    ]);
  });

  it('requires what an outage held up until the definition had ended, unless it was deleted', () => {
    const book = new PlanBook();
    book.begin('t', definition, { sentAt: 10_000, ackedAt: 10_100 });
    book.end('t', { sentAt: 50_000, ackedAt: 50_200 });
    book.begin('gone', definition, { sentAt: 10_000, ackedAt: 10_100 });
    book.end('gone', { sentAt: 50_000, ackedAt: 50_200 }, { isDeleted: true });
    const untilOf = (from: number, healedAt: number) =>
      book.plans([{ from, healedAt }]).map(({ spans }) => spans[0]?.must.until);
    expect(untilOf(45_000, 55_000)).toEqual([50_000 - SLACK, 45_000 - SLACK]);
    expect(untilOf(20_000, 25_000)).toEqual([50_000 - SLACK, 50_000 - SLACK]);
  });

  it('takes a definition that is written once more as it is for one that goes on, and another for a new one', () => {
    const book = new PlanBook();
    const moved = { ...definition, rhythm: { ...rhythm, phaseMs: 1 } };
    book.begin('t', definition, { sentAt: 10_000, ackedAt: 10_100 });
    book.replace('t', { ...definition, rhythm: { ...rhythm } }, { sentAt: 30_000, ackedAt: 30_100 });
    book.replace('t', moved, { sentAt: 40_000, ackedAt: 40_100 });
    book.end('t', { sentAt: 50_000, ackedAt: 50_100 });
    book.replace('t', moved, { sentAt: 60_000, ackedAt: 60_100 });
    const from = book.plans([])[0]?.spans.map((span) => [span.rhythm, span.may.from + SLACK, span.may.until]);
    expect(from).toEqual([
      [rhythm, 10_000, 40_100],
      [moved.rhythm, 40_000, 50_100],
      [moved.rhythm, 60_000, Infinity],
    ]);
  });

  it('requires nothing of a definition that may never have been stored, and of one that never ended', () => {
    const book = new PlanBook();
    book.begin('t', definition, { sentAt: 10_000, ackedAt: null });
    expect(book.plans([])[0]?.spans[0]).toMatchObject({
      may: { until: Infinity },
      must: { from: Infinity, until: -Infinity },
    });
  });

  it('requires what happens once, however late it was stored', () => {
    const book = new PlanBook();
    const once = { rhythm: { kind: 'once' as const, at: 12_000 }, overlap: 'allow' as const };
    book.begin('t', once, { sentAt: 10_000, ackedAt: 25_000 });
    book.end('t', { sentAt: 50_000, ackedAt: 50_200 });
    const [span] = book.plans([])[0]?.spans ?? [];
    expect(span?.must.from).toBeLessThan(12_000);
    expect(span?.must.until).toBe(50_000 - SLACK);
  });

  it('ends the definitions of all triggers of one job, and of no other', () => {
    const book = new PlanBook();
    for (const key of ['ns/a/t', 'ns/a/u', 'ns/ab/t']) book.begin(key, definition, { sentAt: 0, ackedAt: 100 });
    book.endJob('ns/a', { sentAt: 50_000, ackedAt: 50_200 });
    const ends = book.plans([]).map(({ key, spans }) => [key, spans[0]?.may.until]);
    expect(ends).toEqual([
      ['ns/a/t', 50_200],
      ['ns/a/u', 50_200],
      ['ns/ab/t', Infinity],
    ]);
  });

  it('keeps what was asked for once more with the rhythm that was in force then', () => {
    const book = new PlanBook();
    book.begin('t', definition, { sentAt: 10_000, ackedAt: 10_100 });
    const asked = { id: 'b', from: 1000, to: 5000, overlap: 'allow' as const, ackedAt: 10_300 };
    book.backfill('t', asked);
    book.begin('t', { ...definition, rhythm: { ...rhythm, phaseMs: 5 } }, { sentAt: 11_000, ackedAt: 11_100 });
    expect(book.plans([])[0]?.backfills).toEqual([{ ...asked, rhythm }]);
  });

  it('allows what a calendar gave until all have heard that it takes it away, and either during an outage', () => {
    const book = new PlanBook();
    const extra = { ...rhythm, phaseMs: 500 };
    book.begin('t', definition, { sentAt: 10_000, ackedAt: 10_100 });
    book.begin('t', { ...definition, rhythm: extra, byCalendar: true }, { sentAt: 20_000, ackedAt: 20_100 });
    book.end('t', { sentAt: 40_000, ackedAt: 40_200 }, { only: extra });
    book.end('t', { sentAt: 50_000, ackedAt: 50_200 });
    const must = { from: 20_100 + SLACK, until: 40_000 - SLACK };
    expect(book.plans([])[0]?.spans).toEqual([
      expect.objectContaining({ rhythm, must: { from: 10_100 + SLACK, until: 50_000 - SLACK } }),
      { rhythm: extra, may: { from: 20_000 - SLACK, until: 40_200 + SLACK }, must },
    ]);
    const held = book.plans([
      { from: 18_000, healedAt: 23_000 },
      { from: 35_000, healedAt: 45_000 },
    ]);
    expect(held[0]?.spans[1]).toEqual({
      rhythm: extra,
      may: { from: 18_000 - SLACK, until: 45_000 + SLACK },
      must: { from: 23_000 + SLACK, until: 35_000 - SLACK },
    });
  });

  it('does not require what a calendar gives before leaders that an outage has held up can have heard of it', () => {
    const book = new PlanBook();
    book.begin('t', { ...definition, byCalendar: true }, { sentAt: 20_000, ackedAt: 20_100 });
    const mustFrom = (healedAt: number) => book.plans([{ from: 19_000, healedAt }])[0]?.spans[0]?.must.from;
    expect(mustFrom(25_000)).toBe(25_000 + SLACK);
    expect(mustFrom(20_000)).toBe(20_100 + SLACK);
  });
});
