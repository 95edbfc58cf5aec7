import { FencedError } from '../../domain/errors.js';
import type { Epoch, ShardId } from '../../domain/shard.js';
import type { RedisArg } from './connection.js';
import type { ShardKeys } from './keys.js';
import type { RedisLayout } from './redis-layout.js';
import { SCRIPT_CODES as CODES, type ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';

export interface FencedCall {
  readonly shard: ShardId;
  readonly epoch: Epoch | null;
  readonly keys: readonly (keyof ShardKeys)[];
  readonly args: readonly RedisArg[];
}

/**
 * Runs a script that asks the fence of the shard first. Returns its reply: the code, and what follows. Without an
 * epoch nothing is written, and nothing is refused. Errors: `FencedError`.
 */
export async function runFenced(
  { scripts, layout }: { readonly scripts: ScriptRunner<ScriptName>; readonly layout: RedisLayout },
  name: ScriptName,
  { shard, epoch, keys, args }: FencedCall,
): Promise<unknown[]> {
  const shardKeys = layout.keys(shard);
  const names = keys.map((key) => shardKeys[key]);
  const reply = (await scripts.run(name, names, args)) as unknown[];
  if (reply[0] === CODES.FENCED && epoch !== null) throw new FencedError({ shard, epoch, fence: Number(reply[1]) });
  return reply;
}
