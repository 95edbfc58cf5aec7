import type { EpochMs } from '../../domain/time/instant.js';
import type { RedisConnection } from './connection.js';

/** Wall time of the server, rounded down as scripts do it. */
export async function readServerTime(connection: RedisConnection): Promise<EpochMs> {
  return Math.floor(await readExactServerTime(connection));
}

/** In ms with fractions. */
export async function readExactServerTime(connection: RedisConnection): Promise<number> {
  return exactTime(await connection.send('TIME', []));
}

/** The answer to TIME in ms with fractions. */
export function exactTime(reply: unknown): number {
  const [seconds, micros] = reply as [string, string];
  return Number(seconds) * 1000 + Number(micros) / 1000;
}
