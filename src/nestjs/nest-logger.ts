import { Logger as HostLogger } from '@nestjs/common';
import type { LogFields, Logger } from '../runtime/logger.js';

/** Writes to the logger of the host application, under the context `CloudJob`. */
export function nestLogger(fields: LogFields = {}, target = new HostLogger('CloudJob')): Logger {
  const text = (event: string, own: LogFields = {}): string => {
    const { error, ...rest } = { ...fields, ...own };
    const facts = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`;
    return error === undefined ? `${event}${facts}` : `${event}${facts}: ${messageOf(error)}`;
  };
  return {
    debug: (event, own) => target.debug(text(event, own)),
    info: (event, own) => target.log(text(event, own)),
    warn: (event, own) => target.warn(text(event, own)),
    error: (event, own) => {
      const stack = own?.['error'] instanceof Error ? own['error'].stack : undefined;
      if (stack === undefined) target.error(text(event, own));
      else target.error(text(event, own), stack);
    },
    child: (own) => nestLogger({ ...fields, ...own }, target),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
