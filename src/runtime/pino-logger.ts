import { pino, stdSerializers, type Logger as Pino } from 'pino';
import type { LogFields, Logger } from './logger.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on standard error, so that what a command prints on standard output stays clean. */
export function createPinoLogger(level: LogLevel, fields: LogFields = {}): Logger {
  return wrap(
    pino(
      {
        level,
        base: fields,
        messageKey: 'event',
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { error: stdSerializers.errWithCause },
        redact: [
          'apiKey',
          'ticket',
          'signingSecret',
          'password',
          '*.apiKey',
          '*.ticket',
          '*.signingSecret',
          '*.password',
        ],
      },
      pino.destination({ dest: 2, sync: true }),
    ),
  );
}

function wrap(target: Pino): Logger {
  return {
    debug: (event, fields = {}) => target.debug(fields, event),
    info: (event, fields = {}) => target.info(fields, event),
    warn: (event, fields = {}) => target.warn(fields, event),
    error: (event, fields = {}) => target.error(fields, event),
    child: (fields) => wrap(target.child(fields)),
  };
}
