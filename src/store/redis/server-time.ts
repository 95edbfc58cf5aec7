import type { EpochMs } from '../../domain/time/instant.js';
import type { RedisConnection } from './connection.js';

/** Wall time of the server, rounded down as scripts do it. */
export async function readServerTime(connection: RedisConnection): Promise<EpochMs> {
  return Math.floor(await readExactServerTime(connection));
}

/** In ms with fractions. */
export async function readExactServerTime(connection: RedisConnection): Promise<number> {
  const [seconds, micros] = (await connection.send('TIME', [])) as [string, string];
  return Number(seconds) * 1000 + Number(micros) / 1000;
}
