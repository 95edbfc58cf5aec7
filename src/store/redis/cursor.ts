import { ValidationError } from '../../domain/errors.js';

export function cursorProblem(): ValidationError {
  return new ValidationError([{ field: 'cursor', message: 'is not a cursor that this listing has given' }]);
}
