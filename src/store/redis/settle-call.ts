import { InvariantError } from '../../domain/errors.js';
import type { ExtendOutcome, LeaseRef, SettleOutcome, Settlement } from '../execution-store.js';
import { escapeField } from './canonical-json.js';
import type { RedisArg } from './connection.js';
import { encodeError, encodeResult } from './execution-codec.js';
import { SCRIPT_CODES as CODES } from './script-manifest.js';

/** The seven arguments of one settlement in `lua/settle.lua`. */
export function settleArguments({ id, token, settlement }: LeaseRef & { readonly settlement: Settlement }): RedisArg[] {
  const head = [id, escapeField(token), settlement.type];
  switch (settlement.type) {
    case 'succeeded':
      return [...head, settlement.retentionMs, '', encodeResult(settlement.result), ''];
    case 'failed':
      return [...head, settlement.retentionMs, settlement.reason, '', encodeError(settlement.error)];
    case 'cancelled':
      return [...head, settlement.retentionMs, settlement.reason, '', ''];
    case 'retry':
      return [...head, settlement.retryInMs, '', '', encodeError(settlement.error)];
    case 'released':
      return [...head, 0, '', '', ''];
  }
}

export function settleOutcome(code: unknown): SettleOutcome {
  if (code === CODES.SETTLED) return 'settled';
  if (code === CODES.REPEATED) return 'repeated';
  if (code === CODES.LOST) return 'lost';
  throw new InvariantError(`unexpected code ${String(code)} of the settle script`);
}

export function extendOutcome(code: unknown): ExtendOutcome {
  if (code === CODES.EXTENDED) return 'extended';
  if (code === CODES.CANCELLING) return 'cancelling';
  if (code === CODES.LOST) return 'lost';
  throw new InvariantError(`unexpected code ${String(code)} of the extend script`);
}
