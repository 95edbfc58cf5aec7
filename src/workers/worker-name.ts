import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** A name for this worker, `host-pid-random`: tells people where it runs, and is new with every start. */
export function newWorkerName(): string {
  return `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
}
