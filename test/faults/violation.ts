export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10' | 'ack' | 'loss';

/** What each invariant says, as it stands in reports. */
export const INVARIANTS: Readonly<Record<Invariant, string>> = {
  I1: 'each fire is recorded once',
  I2: 'no nominal time is without a record',
  I3: 'nothing fires that no schedule has',
  I4: 'every fire is executed, or fails after all its attempts',
  I5: 'epochs of accepted fires never fall',
  I6: 'no fire is early, and none is later than its fault explains',
  I7: 'one attempt at a time, results only from it, states only forward',
  I8: 'no shard stands still longer than its fault explains',
  I9: 'the keys of a shard agree with each other',
  I10: 'processes neither grow nor end nor leave errors unhandled',
  ack: 'what the API acknowledged is there',
  loss: 'a loss of acknowledged writes is reported',
};

export interface Violation {
  readonly invariant: Invariant;
  readonly subject: string;
  readonly text: string;
  /** When it became true, for what belongs to an instant. */
  readonly at?: number;
  /** In a declared loss window of Redis: counted, but no fault of the product. */
  readonly isExcused?: true;
}
