import { describe, expect, it } from 'vitest';
import { Tickets } from '../../src/comet/tickets.js';
import { ManualClock } from '../support/manual-clock.js';

const user = { namespace: 'shop', user: 'ada@example.com' };

function setup(): { clock: ManualClock; tickets: Tickets; others: Tickets } {
  const clock = new ManualClock();
  return {
    clock,
    tickets: new Tickets({ clock }, { apiKey: 'a'.repeat(32) }),
    others: new Tickets({ clock }, { apiKey: 'b'.repeat(32) }),
  };
}

describe('tickets', () => {
  it('prove who they were issued for, until they expire', async () => {
    const { clock, tickets } = setup();
    const { ticket, expiresAt } = tickets.issue(user, 1000);
    expect(expiresAt).toBe(clock.now() + 1000);
    await clock.advance(999);
    expect(tickets.check(ticket)).toEqual({ valid: true, ...user, expiresAt });
    await clock.advance(1);
    expect(tickets.check(ticket)).toEqual({ valid: false, reason: 'expired' });
  });

  it('are accepted by every node that knows the API key, and by no other', () => {
    const { clock, tickets, others } = setup();
    const { ticket } = tickets.issue(user, 1000);
    expect(new Tickets({ clock }, { apiKey: 'a'.repeat(32) }).check(ticket)).toMatchObject({ valid: true });
    expect(others.check(ticket)).toEqual({ valid: false, reason: 'refused' });
  });

  it('are refused when a single character was changed', () => {
    const { tickets } = setup();
    const { ticket } = tickets.issue(user, 1000);
    for (let i = 0; i < ticket.length; i++) {
      const changed = `${ticket.slice(0, i)}${ticket[i] === 'A' ? 'B' : 'A'}${ticket.slice(i + 1)}`;
      const same = Buffer.from(changed.split('.')[1] ?? '', 'base64url').equals(
        Buffer.from(ticket.split('.')[1] ?? '', 'base64url'),
      );
      // The last character of base64 may carry bits that mean nothing.
      if (changed.split('.')[0] === ticket.split('.')[0] && same) continue;
      expect(tickets.check(changed)).toEqual({ valid: false, reason: 'refused' });
    }
  });

  it('are refused when they are something else altogether', () => {
    const { tickets } = setup();
    for (const text of ['', '.', 'a', 'a.', '.a', 'x'.repeat(2000), `${'x'.repeat(1100)}.y`]) {
      expect(tickets.check(text)).toEqual({ valid: false, reason: 'refused' });
    }
  });

  it('do not contain the API key and differ each time', () => {
    const { tickets } = setup();
    const [one, two] = [tickets.issue(user, 1000).ticket, tickets.issue(user, 1000).ticket];
    expect(one).not.toBe(two);
    expect(Buffer.from(one, 'base64url').toString()).not.toContain('aaaa');
  });
});
