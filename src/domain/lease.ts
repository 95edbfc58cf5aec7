declare const leaseTokenBrand: unique symbol;

/**
 * Random name of one grant of leases to one worker. All executions of one claim call share it: a record
 * accepts `extend`, `complete`, `fail` and `release` only with the token of its current attempt.
 */
export type LeaseToken = string & { readonly [leaseTokenBrand]: true };

export function leaseTokenOf(value: string): LeaseToken {
  return value as LeaseToken;
}
