import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { calendarKeysOf, shardKeysOf } from '../../../src/store/redis/keys.js';
import { SCRIPT_CODES, SCRIPT_FOLDER, SCRIPT_NAMES } from '../../../src/store/redis/script-manifest.js';
import { keyRoles } from './script-harness.js';

const textOf = (file: string): string => readFileSync(new URL(file, SCRIPT_FOLDER), 'utf8');
const headerOf = (text: string): string =>
  text
    .split('\n')
    .filter((line) => /^--[^@]/.test(line))
    .join('\n');

describe('the scripts', () => {
  it('are the files of the folder', () => {
    const files = readdirSync(fileURLToPath(SCRIPT_FOLDER)).filter((file) => file.endsWith('.lua'));
    expect(files.map((file) => file.replace('.lua', '')).sort()).toEqual([...SCRIPT_NAMES].sort());
  });

  it('return the codes of the table', () => {
    const found: Record<string, number> = {};
    for (const [, names = '', values = ''] of textOf('lib/codes.lua').matchAll(/^local ([A-Z_, ]+) = ([-\d, ]+)$/gm)) {
      const numbers = values.split(', ');
      names.split(', ').forEach((name, i) => (found[name] = Number(numbers[i])));
    }
    expect(found).toEqual(SCRIPT_CODES);
  });

  it.each(SCRIPT_NAMES)('%s says what it takes, returns and costs, and who calls it', (name) => {
    const header = headerOf(textOf(`${name}.lua`));
    for (const part of [/^-- Returns \S/m, /^-- Cost +\S/m, /^-- Called by \S/m]) expect(header).toMatch(part);
  });

  it.each(SCRIPT_NAMES)('%s is called where its header says', (name) => {
    const [, callers = ''] = /^-- Called by (.*)$/m.exec(textOf(`${name}.lua`)) ?? [];
    const sources = readdirSync(fileURLToPath(new URL('..', SCRIPT_FOLDER)))
      .filter((file) => file.endsWith('.ts') && file !== 'script-manifest.ts')
      .map((file) => textOf(`../${file}`));
    expect(sources.some((source) => source.includes(`'${name}'`))).toBe(true);
    for (const method of callers.split(', ').map((caller) => caller.replace(/^.*\./, ''))) {
      expect(
        sources.some((source) => new RegExp(`^  (async )?${method}\\(`, 'm').test(source)),
        method,
      ).toBe(true);
    }
  });

  it.each(SCRIPT_NAMES)('%s declares keys by the names that keys.ts gives them', (name) => {
    const patterns = [...textOf(`${name}.lua`).matchAll(/^-- KEYS\[(\d+)\] (\w+) +(\S+)/gm)];
    expect(patterns.map(([, position]) => Number(position))).toEqual(patterns.map((_, i) => i + 1));
    expect(patterns.length).toBeLessThanOrEqual(8);
    const keys: Record<string, string> = { ...shardKeysOf('cluster', 0), ...calendarKeysOf('cluster', 'namespace') };
    for (const [i, role] of keyRoles(name).entries()) {
      expect(patterns[i]?.[3]).toBe(keys[role]?.replace('{cluster:0}', '{cluster:shard}'));
    }
  });

  it.each(SCRIPT_NAMES)('%s binds its keys and arguments first and never builds a key', (name) => {
    const code = textOf(`${name}.lua`)
      .split('\n')
      .filter((line) => !line.startsWith('--'));
    const bindings = code.slice(
      0,
      code.findIndex((line) => line === ''),
    );
    expect(bindings.every((line) => /^(local |  ?\w|})/.test(line))).toBe(true);
    expect(code.slice(bindings.length).join('\n')).not.toMatch(/\b(KEYS|ARGV)\b/);
    const declared = keyRoles(name).length;
    const used = [...bindings.join('\n').matchAll(/KEYS\[(\d+)\]/g)].map(([, position]) => Number(position));
    expect(Math.max(...used)).toBe(declared);
  });
});

describe('docs/redis-data-model.md', () => {
  const document = readFileSync(new URL('../../../docs/redis-data-model.md', import.meta.url), 'utf8');

  it('names every script and every key', () => {
    const stored = [
      ...Object.values(shardKeysOf('cluster', 0)),
      ...Object.values(calendarKeysOf('cluster', '<namespace>')),
    ];
    const keys = stored.map((key) => key.replace(/^.*?}:/, ''));
    for (const name of [...SCRIPT_NAMES, ...keys]) expect(document).toContain(`\`${name}\``);
  });
});
