import { StoreUnavailableError } from '../../domain/errors.js';
import type { RedisConnection } from './connection.js';

const OLDEST_VERSION = [6, 2] as const;

/**
 * Refuses a Redis that would lose what was acknowledged: one without append-only file loses it with a restart,
 * one that evicts loses it under pressure. With `requireDurability` false only the version is checked.
 * Errors: `CJ_REDIS_REFUSED`, naming the setting to change.
 */
export async function checkServer(connection: RedisConnection, requireDurability: boolean): Promise<void> {
  for (const reply of await connection.sendToMasters('INFO', [])) {
    const info = parseInfo(String(reply));
    checkVersion(info.get('redis_version') ?? '0', connection.address);
    if (requireDurability) checkDurability(info, connection.address);
  }
}

function checkVersion(version: string, address: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor >= OLDEST_VERSION[1])) return;
  throw refused(`${address} runs Redis ${version}; at least ${OLDEST_VERSION.join('.')} is needed`, { version });
}

function checkDurability(info: ReadonlyMap<string, string>, address: string): void {
  if (info.get('aof_enabled') !== '1') {
    throw refused(
      `${address} has no append-only file and would forget fires when it restarts: set "appendonly yes" in redis.conf, or set requireDurability to false if losing them is acceptable`,
      { setting: 'appendonly', required: 'yes' },
    );
  }
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  if (policy === 'noeviction') return;
  throw refused(
    `${address} deletes keys when memory runs short (maxmemory-policy ${policy}): set "maxmemory-policy noeviction" in redis.conf, or set requireDurability to false if losing them is acceptable`,
    { setting: 'maxmemory-policy', required: 'noeviction', actual: policy },
  );
}

function refused(message: string, details: Record<string, unknown>): StoreUnavailableError {
  return new StoreUnavailableError('CJ_REDIS_REFUSED', message, { details });
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const colon = line.indexOf(':');
      return colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}
