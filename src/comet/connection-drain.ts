import type { DurationMs } from '../domain/time/instant.js';
import { delay, type Clock } from '../runtime/clock.js';
import type { Connection } from './connection.js';

const STEP_MS = 50;
/** Connections closed per second, at least; more when they would not be done in time. */
const CLOSES_PER_SECOND = 1000;

/**
 * Moves connections to other nodes at an even pace, within `drainMs`: first everybody is told when to go, so that
 * clients spread by themselves, then whoever is still here at that time is closed.
 */
export async function drainConnections(
  connections: readonly Connection[],
  clock: Clock,
  drainMs: DurationMs,
): Promise<void> {
  if (connections.length === 0) return;
  const windowMs = Math.min(drainMs, (connections.length / CLOSES_PER_SECOND) * 1000);
  connections.forEach((connection, i) => connection.move(Math.round((windowMs * i) / connections.length)));
  const steps = Math.max(Math.ceil(windowMs / STEP_MS), 1);
  const perStep = Math.ceil(connections.length / steps);
  for (let i = 0; i < connections.length; i += perStep) {
    if (i > 0) await delay(clock, STEP_MS);
    for (const connection of connections.slice(i, i + perStep)) connection.close(4200);
  }
}
