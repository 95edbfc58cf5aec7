import 'reflect-metadata';
import type { DefinedJob } from '../client/define-job.js';
import { ConfigError } from '../domain/errors.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { ClusterEventType } from '../store/event-bus.js';
import type { DurationText } from './duration.js';
import type { CronOptions, EveryOptions } from './job-options.js';
import { decoratorWithoutMethod } from './messages.js';

/** What a decorator says about a method, as written: it is checked at boot, where the class is known. */
export type MethodDeclaration =
  | { readonly type: 'cron'; readonly cron: string | Date; readonly options: CronOptions }
  | { readonly type: 'every'; readonly every: DurationMs | DurationText; readonly options: EveryOptions }
  | { readonly type: 'handler'; readonly job: string | DefinedJob<unknown> }
  | { readonly type: 'listener'; readonly job: string; readonly event: ClusterEventType };

const KEY = 'cloudjob:declarations';

/** A decorator that adds a declaration to its method. */
export function declares(decorator: string, declaration: MethodDeclaration): MethodDecorator {
  return (_target, _name, descriptor) => {
    const method: unknown = (descriptor as PropertyDescriptor | undefined)?.value;
    if (typeof method !== 'function') throw new ConfigError(decoratorWithoutMethod(decorator));
    // Decorators apply from the bottom up: read from the top they are in the order of the code.
    Reflect.defineMetadata(KEY, [declaration, ...declarationsOf(method)], method);
  };
}

export function declarationsOf(method: object): readonly MethodDeclaration[] {
  return (Reflect.getMetadata(KEY, method) as readonly MethodDeclaration[] | undefined) ?? [];
}
