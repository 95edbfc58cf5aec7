import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { InvariantError } from '../../domain/errors.js';

/** A script as it is sent: included files in place of their include lines. */
export interface LuaScript {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

const INCLUDE = /^--@include (lib\/[a-z_]+\.lua)$/;

/**
 * Reads `<folder><name>.lua` and puts in place of each line `--@include lib/<file>.lua` the text of that file,
 * once a script. Included files may include others.
 * Errors: `CJ_INVARIANT` for a file that is missing, includes itself, or is included twice by one file.
 */
export function loadScript(folder: URL, name: string): LuaScript {
  const source = expand({ folder, seen: new Set() }, `${name}.lua`, []);
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}

function expand(context: { folder: URL; seen: Set<string> }, file: string, path: readonly string[]): string {
  if (path.includes(file)) throw new InvariantError(`${[...path, file].join(' includes ')}: a cycle`);
  const url = new URL(file, context.folder);
  if (!existsSync(url)) throw new InvariantError(`the Lua file ${[...path, file].join(' includes ')} is missing`);
  const own = new Set<string>();
  const lines = readFileSync(url, 'utf8').split('\n');
  return lines
    .flatMap((line) => {
      const included = INCLUDE.exec(line)?.[1];
      if (included === undefined) return [line];
      if (own.has(included)) throw new InvariantError(`${file} includes ${included} twice`);
      own.add(included);
      if (context.seen.has(included)) return [];
      const text = expand(context, included, [...path, file]);
      context.seen.add(included);
      return [text];
    })
    .join('\n');
}
