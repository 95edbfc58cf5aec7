import { InvariantError } from '../../domain/errors.js';
import { jobKeyOfTrigger, triggerName } from '../../domain/trigger.js';
import type { FireDecision, FireResult } from '../execution-store.js';
import type { RedisArg } from './connection.js';
import { encodeMissed, encodeNewExecution } from './execution-codec.js';
import { SCRIPT_CODES as CODES } from './script-manifest.js';

/**
 * The decisions as the flat arguments that `lua/fire.lua` describes: numbers of jobs, decisions and records, then
 * the jobs, all trigger keys, the decisions, all ids, the records.
 */
export function fireArguments(decisions: readonly FireDecision[]): RedisArg[] {
  const jobs: RedisArg[] = [];
  const jobNumbers = new Map<string, number>();
  const triggers: RedisArg[] = [];
  const fixed: RedisArg[] = [];
  const ids: RedisArg[] = [];
  const records: RedisArg[] = [];
  for (const decision of decisions) {
    const { trigger, expected, fires, missed } = decision;
    const job = jobKeyOfTrigger(trigger);
    const jobVersion = `${job} ${expected.jobVersion}`;
    let number = jobNumbers.get(jobVersion);
    if (number === undefined) {
      jobNumbers.set(jobVersion, (number = jobNumbers.size + 1));
      jobs.push(job, expected.jobVersion);
    }
    triggers.push(trigger);
    fixed.push(
      number,
      `${expected.version}|${expected.watermark}|`,
      `${expected.version}|${decision.watermark}|`,
      decision.dueAt,
      decision.nextDueAt === 'completion' ? 'w' : (decision.nextDueAt ?? ''),
      decision.overlap === 'skip' ? 1 : 0,
      decision.retentionMs,
      fires.length,
      missed.length,
    );
    for (const fire of fires) {
      ids.push(fire.id);
      records.push(...encodeNewExecution(fire));
    }
    for (const range of missed) {
      ids.push(range.id);
      records.push(...encodeMissed(range, job, triggerName(trigger)));
    }
  }
  return [jobNumbers.size, triggers.length, ids.length].concat(
    jobs as number[],
    triggers as number[],
    fixed as number[],
    ids as number[],
    records as number[],
  );
}

/** `reply` holds two numbers for each decision. */
export function fireResults(reply: readonly unknown[]): FireResult[] {
  const results: FireResult[] = [];
  for (let i = 0; i < reply.length; i += 2) {
    results.push({ outcome: outcomeOf(reply[i]), skippedCount: Number(reply[i + 1]) });
  }
  return results;
}

function outcomeOf(code: unknown): FireResult['outcome'] {
  if (code === CODES.FIRED) return 'fired';
  if (code === CODES.STALE) return 'stale';
  if (code === CODES.EARLY) return 'early';
  if (code === CODES.WAITING) return 'waiting';
  throw new InvariantError(`unexpected code ${String(code)} of the fire script`);
}
