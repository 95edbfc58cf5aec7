import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadScript } from '../../../src/store/redis/lua-scripts.js';

function folderWith(files: Record<string, string>): URL {
  const folder = mkdtempSync(join(tmpdir(), 'lua-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'lib'));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return pathToFileURL(`${folder}/`);
}

const load = (files: Record<string, string>) => loadScript(folderWith(files), 'main');

describe('loading a script', () => {
  it('puts included files in the place of their lines, each once, and knows the hash of the whole', () => {
    const script = load({
      'main.lua': '-- head\n--@include lib/a.lua\n--@include lib/b.lua\nreturn 1',
      'lib/a.lua': 'local a = 1',
      'lib/b.lua': '--@include lib/a.lua\nlocal b = a',
    });
    expect(script.source).toBe('-- head\nlocal a = 1\nlocal b = a\nreturn 1');
    expect(script.sha).toMatch(/^[0-9a-f]{40}$/);
  });

  it.each([
    ['a missing file', { 'main.lua': '--@include lib/none.lua' }, 'main.lua includes lib/none.lua is missing'],
    ['a missing script', {}, 'main.lua is missing'],
    [
      'a cycle',
      { 'main.lua': '--@include lib/a.lua', 'lib/a.lua': '--@include lib/b.lua', 'lib/b.lua': '--@include lib/a.lua' },
      'lib/a.lua includes lib/b.lua includes lib/a.lua: a cycle',
    ],
    [
      'a double include',
      { 'main.lua': '--@include lib/a.lua\n--@include lib/a.lua', 'lib/a.lua': '' },
      'main.lua includes lib/a.lua twice',
    ],
  ])('reports %s', (_, files, message) => {
    expect(() => load(files)).toThrow(expect.objectContaining({ code: 'CJ_INVARIANT' }));
    expect(() => load(files)).toThrow(message);
  });
});
