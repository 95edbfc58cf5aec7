/** Sets of small numbers as bits, searched from either side without a loop. */

/** Bit `v` = the number `v`, 0-31. */
export type BitSet = number;

/** A set out of 0-59, split because shifts of numbers end at 32 bits. */
export interface BitSet60 {
  /** 0-29 */
  readonly low: BitSet;
  /** 30-59: bit 0 = 30 */
  readonly high: BitSet;
}

export function bitsOf(values: Iterable<number>): BitSet {
  let bits = 0;
  for (const value of values) bits |= 1 << value;
  return bits;
}

export function bits60Of(values: Iterable<number>): BitSet60 {
  let low = 0;
  let high = 0;
  for (const value of values) {
    if (value < 30) low |= 1 << value;
    else high |= 1 << (value - 30);
  }
  return { low, high };
}

export function has(bits: BitSet, value: number): boolean {
  return ((bits >>> value) & 1) === 1;
}

export function has60(bits: BitSet60, value: number): boolean {
  return value < 30 ? has(bits.low, value) : has(bits.high, value - 30);
}

/** The lowest member at or above `from`, or 32. */
export function lowestFrom(bits: BitSet, from: number): number {
  const rest = from > 31 ? 0 : bits & (-1 << from);
  return rest === 0 ? 32 : 31 - Math.clz32(rest & -rest);
}

/** The highest member at or below `until`, or -1. */
export function highestUntil(bits: BitSet, until: number): number {
  if (until < 0) return -1;
  const rest = until >= 31 ? bits : bits & ((1 << (until + 1)) - 1);
  return 31 - Math.clz32(rest);
}

/** As `lowestFrom`; 60 or more = none. */
export function lowestFrom60(bits: BitSet60, from: number): number {
  if (from < 30) {
    const found = lowestFrom(bits.low, from);
    if (found < 30) return found;
    return 30 + lowestFrom(bits.high, 0);
  }
  return 30 + lowestFrom(bits.high, from - 30);
}

export function highestUntil60(bits: BitSet60, until: number): number {
  if (until >= 30) {
    const found = highestUntil(bits.high, until - 30);
    if (found >= 0) return 30 + found;
    return highestUntil(bits.low, 29);
  }
  return highestUntil(bits.low, until);
}
