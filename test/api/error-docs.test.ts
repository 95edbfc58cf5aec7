import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/domain/errors.js';

const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

describe('docs/errors.md', () => {
  it('lists exactly the codes of the code, with their status, retryability and title', () => {
    const rows = [...text.matchAll(/^\| \[`(CJ_\w+)`\]\(#(\w+)\) +\| (\d+) +\| (yes|no) +\| (.+?) +\|$/gm)].map(
      (match) => [match[1], match[2], Number(match[3]), match[4] === 'yes', match[5]],
    );
    const codes = Object.entries(ERROR_CODES).map(([code, facts]) => [
      code,
      code.toLowerCase(),
      facts.status,
      facts.retryable,
      facts.title,
    ]);
    expect(rows).toEqual(codes);
  });

  it('says of each what it means', () => {
    const sections = [...text.matchAll(/^## (CJ_\w+)\n\n(.+)$/gm)].map((match) => match[1]);
    expect(sections).toEqual(Object.keys(ERROR_CODES));
  });
});
