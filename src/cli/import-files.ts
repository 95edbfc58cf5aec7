import { readFile } from 'node:fs/promises';
import type { Config } from '../config.js';
import { CloudJobError, ConfigError } from '../domain/errors.js';
import type { RemindersService } from '../reminders/reminders.service.js';

/**
 * Imports the calendar and the contacts that the standalone start was given. Returns a line about each file.
 * Errors: `ConfigError` naming the file that cannot be read, and why.
 */
export async function importFiles(config: Config, reminders: RemindersService): Promise<string[]> {
  const files = [
    { file: config.calendar, mediaType: 'text/calendar' },
    { file: config.contacts, mediaType: 'text/vcard' },
  ];
  const lines: string[] = [];
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const { file, mediaType } of files) {
    if (file === null) continue;
    try {
      const bytes = await readFile(file);
      const { counts } = await reminders.import(config.user, { mediaType, bytes }, { timeZone });
      const facts = Object.entries(counts).filter(([, count]) => count > 0);
      lines.push(`${file}: ${facts.map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`);
    } catch (error) {
      if (error instanceof CloudJobError || (error as NodeJS.ErrnoException).code !== undefined) {
        throw new ConfigError(`${file}: ${(error as Error).message}`, { file });
      }
      throw error;
    }
  }
  return lines;
}

/** A reminder that arrives while the page is being opened for the first time. */
export async function remindSoon(config: Config, reminders: RemindersService, now: number): Promise<void> {
  await reminders.put(config.user, 'welcome', {
    title: 'CloudJob is running',
    body: 'This reminder was set a few seconds ahead when the process started.',
    startsAt: new Date(now + WELCOME_MS).toISOString(),
    alerts: [{ minutesBefore: 0 }],
  });
}

const WELCOME_MS = 6000;
