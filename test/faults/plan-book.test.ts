import { describe, expect, it } from 'vitest';
import { PlanBook } from './plan-book.js';

const SLACK = 1500;
const definition = { everyMs: 1000, phaseMs: 0, overlap: 'allow' as const };

describe('PlanBook', () => {
  it('requires what lies clear of the writes at both ends, and allows what lies between them', () => {
    const book = new PlanBook();
    book.begin('t', definition, { sentAt: 10_000, ackedAt: 10_100 });
    book.end('t', { sentAt: 50_000, ackedAt: 50_200 });
    expect(book.plans([])[0]?.spans).toEqual([
      {
        ...{ everyMs: 1000, phaseMs: 0 },
        may: { from: 10_000 - SLACK, until: 50_200 },
        must: { from: 10_100 + SLACK, until: 50_000 - SLACK },
      },
    ]);
  });

  it('does not require what an outage held up until the definition had ended', () => {
    const book = new PlanBook();
    book.begin('t', definition, { sentAt: 10_000, ackedAt: 10_100 });
    book.end('t', { sentAt: 50_000, ackedAt: 50_200 });
    const [span] = book.plans([{ from: 45_000, healedAt: 55_000 }])[0]?.spans ?? [];
    expect(span?.must.until).toBe(45_000 - SLACK);
    const [other] = book.plans([{ from: 20_000, healedAt: 25_000 }])[0]?.spans ?? [];
    expect(other?.must.until).toBe(50_000 - SLACK);
  });

  it('requires nothing of a definition that may never have been stored, and of one that never ended', () => {
    const book = new PlanBook();
    book.begin('t', definition, { sentAt: 10_000, ackedAt: null });
    expect(book.plans([])[0]?.spans[0]).toMatchObject({
      may: { until: Infinity },
      must: { from: Infinity, until: -Infinity },
    });
  });
});
