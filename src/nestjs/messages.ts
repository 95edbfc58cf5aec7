/** Everything that the module says to the developers of a host, in one place. */

export const invalidDuration = (value: string): string =>
  `'${value}' is not a duration: write milliseconds, or a number with ms, s, m, h or d, e.g. 30s`;

export const duplicateName = (name: string, first: string, second: string): string =>
  `two methods have the name '${name}': ${first} and ${second}. A name is a job, so give one of them another name`;

export const invalidDeclaration = (place: string, name: string, problem: string): string =>
  `${place} declares the job '${name}', which cannot be: ${problem}`;

export const fractionalUtcOffset = (utcOffset: number): string =>
  `utcOffset ${utcOffset} is not a whole number of hours up to 14: name a timeZone instead`;

export const decoratorWithoutMethod = (decorator: string): string => `@${decorator} belongs on a method`;

export const ignoredOptions = (place: string, names: readonly string[]): string =>
  `${place}: ${names.join(', ')} has no effect here, because a fire belongs to the cluster and not to a process`;
