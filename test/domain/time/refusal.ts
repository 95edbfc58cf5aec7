import { ValidationError } from '../../../src/domain/errors.js';

export interface Refusal {
  readonly code: string;
  readonly field: string;
  readonly message: string;
  readonly allowed: string;
}

/** What a call that must be refused says: its code and its first violation. */
export function refusalOf(call: () => unknown): Refusal {
  try {
    call();
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    const [violation] = error.violations;
    return { code: error.code, field: '', message: '', allowed: '', ...violation };
  }
  throw new Error('the call was not refused');
}
