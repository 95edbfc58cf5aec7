import type { RedisArg, RedisConnection } from './connection.js';
import { loadScript, type LuaScript } from './lua-scripts.js';
import { isUnknownScript } from './redis-errors.js';

/**
 * Runs the scripts of one folder by their hash. A server that does not have a script (restarted, flushed,
 * another node of a cluster) gets its text with the same call. Never used inside MULTI, where that would fail.
 */
export class ScriptRunner<Name extends string> {
  readonly #connection: RedisConnection;
  readonly #scripts: ReadonlyMap<Name, LuaScript>;

  /** `folder` is the URL of the folder with a trailing slash. Errors: `CJ_INVARIANT` for files that cannot be loaded. */
  constructor(
    { connection }: { connection: RedisConnection },
    { folder, names }: { folder: URL; names: readonly Name[] },
  ) {
    this.#connection = connection;
    this.#scripts = new Map(names.map((name) => [name, loadScript(folder, name)]));
  }

  async run(name: Name, keys: readonly string[], args: readonly RedisArg[]): Promise<unknown> {
    const script = this.#scripts.get(name) as LuaScript;
    try {
      return await this.#connection.send('EVALSHA', [script.sha, keys.length, ...keys, ...args]);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return await this.#connection.send('EVAL', [script.source, keys.length, ...keys, ...args]);
    }
  }
}
