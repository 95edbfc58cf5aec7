import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MAILBOX_SCRIPTS } from '../../src/comet/redis/mailbox-scripts.js';

const folder = new URL('../../src/comet/redis/lua/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.lua'));

describe('mailbox scripts', () => {
  it('are the files in the folder, all of them', () => {
    expect(files.map((name) => name.replace('.lua', '')).sort()).toEqual([...MAILBOX_SCRIPTS].sort());
  });

  it.each(files)('%s says at its head what it takes and returns, and binds it once', (file) => {
    const lines = readFileSync(new URL(file, folder), 'utf8').split('\n');
    const head = lines
      .slice(
        0,
        lines.findIndex((line) => !line.startsWith('--')),
      )
      .join('\n');
    const body = lines.filter((line) => !line.startsWith('--'));
    for (const word of ['-- Returns ', '-- Cost ', '-- Called by ']) expect(head).toContain(word);
    for (const kind of ['KEYS', 'ARGV']) {
      const declared = [...head.matchAll(new RegExp(`^-- ${kind}\\[(\\d+)\\] `, 'gm'))].map((match) =>
        Number(match[1]),
      );
      const bound = [...body.join('\n').matchAll(new RegExp(`${kind}\\[(\\d+)\\]`, 'g'))].map((match) =>
        Number(match[1]),
      );
      expect(declared).toEqual(declared.map((_, i) => i + 1));
      expect(bound.sort((a, b) => a - b)).toEqual(declared);
    }
    const lastBinding = body.findLastIndex((line) => /(KEYS|ARGV)\[/.test(line));
    expect(body.slice(0, lastBinding + 1).filter((line) => line !== '' && !line.startsWith('local '))).toEqual([]);
  });

  it.each(files)('%s never builds a key', (file) => {
    const text = readFileSync(new URL(file, folder), 'utf8').replace(/^--.*$/gm, '');
    const keys = [...text.matchAll(/redis\.call\('[A-Z]+', ([^,)]+)/g)].map((match) => match[1]);
    for (const key of keys) expect(key).toMatch(/^[a-z_]+$/);
  });
});
