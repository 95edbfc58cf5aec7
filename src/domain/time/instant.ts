/** Milliseconds since 1970-01-01T00:00:00Z, always an integer. Every stored or compared instant has this unit. */
export type EpochMs = number;

/** A length of time in milliseconds. */
export type DurationMs = number;

/** `2026-11-21T02:00:00.000Z`: the form of every instant that leaves the process. */
export function toIso(at: EpochMs): string {
  return new Date(at).toISOString();
}
