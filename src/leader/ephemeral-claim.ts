import { CoordinationError } from '../domain/errors.js';
import type { ZooKeeperClient } from './zookeeper-client.js';

/** Who wrote an ephemeral: the member, and a value that no other start of any process has. */
export interface Claimant {
  readonly member: string;
  readonly incarnation: string;
}

/**
 * `created`: the znode is ours since now; `kept`: it was ours already, also when the answer to its creation had
 * been lost; `foreign`: another process holds it, and the watch on it is set.
 */
export type Claim =
  { readonly result: 'created' | 'kept' } | { readonly result: 'foreign'; readonly claimant: Claimant | undefined };

/** More rounds are only needed when the znode comes and goes between the calls of one round. */
const ROUNDS = 3;

/**
 * Tries to hold the ephemeral znode at `path` in the session of `client`, which knows its own znodes by their
 * owner and never by their content. A znode left by an earlier session of this very process is replaced:
 * nobody can be relying on it any more. `data` may say more than
 * who the claimant is. A watch is left on the path.
 * Errors: `CoordinationError`, `CJ_ZK_NO_NODE` when the parent is missing.
 */
export async function claimEphemeral(client: ZooKeeperClient, path: string, data: Claimant): Promise<Claim> {
  for (let round = 0; round < ROUNDS; round++) {
    const found = await client.stat(path, true);
    if (found === undefined) {
      const isCreated = await ignoring('CJ_ZK_NODE_EXISTS', client.createEphemeral(path, encodeZnode(data)));
      if (isCreated) return { result: 'created' };
      continue;
    }
    if (found.ephemeralOwner === client.sessionId) return { result: 'kept' };
    const holder = await client.read(path);
    if (holder === undefined) continue;
    const claimant = readClaimant(holder.data);
    if (claimant?.incarnation !== data.incarnation) return { result: 'foreign', claimant };
    await ignoring('CJ_ZK_NO_NODE', client.remove(path, holder.version));
  }
  throw new CoordinationError('CJ_ZK_NODE_EXISTS', `znode ${path} does not come to rest`, { details: { path } });
}

/** Deletes the znode if it belongs to the session of `client`. */
export async function releaseEphemeral(client: ZooKeeperClient, path: string): Promise<void> {
  const found = await client.stat(path);
  if (found?.ephemeralOwner === client.sessionId) await ignoring('CJ_ZK_NO_NODE', client.remove(path, found.version));
}

export function encodeZnode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** Undefined for anything that is not a JSON object: znodes can be written by hand. */
export function decodeZnode(data: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(data.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** False when the call failed with just this code. */
export async function ignoring(code: CoordinationError['code'], call: Promise<void>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof CoordinationError && error.code === code) return false;
    throw error;
  }
}

function readClaimant(data: Buffer): Claimant | undefined {
  const { member, incarnation } = decodeZnode(data) ?? {};
  return typeof member === 'string' && typeof incarnation === 'string' ? { member, incarnation } : undefined;
}
