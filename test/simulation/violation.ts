/** What is promised; see `docs/testing.md`. */

export const PROMISES = {
  I1: 'each nominal time is decided once',
  I2: 'each nominal time is decided',
  I3: 'nothing fires that the schedule does not have, and nothing early',
  I4: 'what was queued comes to an end',
  I5: 'epochs only grow, and what is behind the fence changes nothing',
  I7: 'one lease at a time, and no result without it',
  I8: 'after a fault, fires go on within the bound',
  I9: 'indexes agree with the records',
  I10: 'nothing fails that nobody handles',
  attempts: 'attempts are bounded',
  forward: 'states only move forward',
  overlap: 'executions of a trigger that may not overlap do not',
  trust: 'who may have been replaced does not act',
} as const;

/** Something that is promised does not hold; ends the run. */
export class Violation extends Error {
  constructor(
    readonly promise: keyof typeof PROMISES,
    text: string,
  ) {
    super(`${promise} (${PROMISES[promise]}): ${text}`);
    this.name = 'Violation';
  }
}
