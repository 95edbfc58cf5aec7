import type { DurationMs } from '../domain/time/instant.js';
import { invalidDuration } from './messages.js';
import { ConfigError } from '../domain/errors.js';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `30s`, `5m`, `1h`, `1d`. */
export type DurationText = `${number}${keyof typeof UNITS}`;

/** Milliseconds, or a text with its unit. Errors: `ConfigError`. */
export function durationMs(value: DurationMs | DurationText): DurationMs {
  if (typeof value === 'number') return value;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
  if (match === null) throw new ConfigError(invalidDuration(value));
  return Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]);
}
