import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLOSE_CODES } from '../../src/comet/protocol.js';
import { MailboxKeys } from '../../src/comet/redis/mailbox-keys.js';

const doc = readFileSync(new URL('../../docs/comet.md', import.meta.url), 'utf8');
const source = readFileSync(new URL('../../src/comet/protocol.ts', import.meta.url), 'utf8');

describe('docs/comet.md', () => {
  it('lists exactly the close codes there are, with their reasons', () => {
    const listed = [...doc.matchAll(/^\| (4\d{3}) \| `([a-z-]+)`/gm)].map(([, code, reason]) => [code, reason]);
    expect(listed).toEqual(Object.entries(CLOSE_CODES).map(([code, { reason }]) => [code, reason]));
  });

  it('describes every frame', () => {
    const types = new Set([...source.matchAll(/type: (?:z\.literal\()?'([a-z]+)'/g)].map((match) => match[1]));
    expect(types.size).toBeGreaterThan(10);
    for (const type of types) expect(doc).toContain(`{"type":"${type}"`);
  });

  it('names every key', () => {
    const keys = new MailboxKeys('cluster');
    const user = { namespace: 'ns', user: 'user' };
    expect(doc).toContain(`\`${keys.mailbox(user)}\``);
    for (const key of [
      keys.messages(user),
      keys.routes(user),
      keys.acknowledged(user),
      keys.receipts(user),
      keys.known(user, '<key>'),
    ]) {
      expect(doc).toContain(`\`…${key.slice(key.indexOf('}') + 1)}\``);
    }
    expect(doc).toContain(`\`${keys.nodeChannel('<node>').replace('cluster', '<cluster>')}\``);
  });
});
