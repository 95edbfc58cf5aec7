import { runScenario, type ScenarioCounts, type ScenarioOptions, type ScenarioResult } from './scenario.js';
import { Violation } from './violation.js';

export interface CampaignOptions {
  /** Of the first run; each further one has the next. */
  readonly seed: number;
  /** Simulated, over all runs. */
  readonly hours: number;
  readonly hoursEach: number;
  readonly without?: readonly string[];
  readonly onRun?: (result: ScenarioResult, total: CampaignResult) => void;
}

export interface CampaignResult {
  runs: number;
  hours: number;
  readonly counts: { -readonly [K in keyof ScenarioCounts]: number };
  readonly faults: Map<string, number>;
  readonly failed: ScenarioResult[];
}

/** One run after the other, each with a cluster and a seed of its own. Goes on after a failure, up to five. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { seed, hours, hoursEach, without = [], onRun } = options;
  const total: CampaignResult = { runs: 0, hours: 0, counts: noCounts(), faults: new Map(), failed: [] };
  while (total.hours < hours && total.failed.length < MAX_FAILED) {
    const run = { seed: seed + total.runs, hours: Math.min(hoursEach, hours - total.hours), without };
    const result = await runScenario(run);
    addTo(total, result);
    onRun?.(result, total);
  }
  return total;
}

/** The kinds of faults without which the run still breaks the same promise. */
export async function shrink(options: ScenarioOptions, failure: Error): Promise<ScenarioResult> {
  let smallest = await runScenario(options);
  let without = [...(options.without ?? [])];
  for (const fault of smallest.faults.keys()) {
    const result = await runScenario({ ...options, without: [...without, fault] });
    if (promiseOf(result.failure) !== promiseOf(failure)) continue;
    without = [...without, fault];
    smallest = result;
  }
  return smallest;
}

export function replayOf({ seed, hours, without }: ScenarioResult): string {
  const omitted = without.length === 0 ? '' : ` --without "${without.join(',')}"`;
  return `npm run test:simulation -- --seed ${seed} --hours ${hours}${omitted}`;
}

const MAX_FAILED = 5;

function promiseOf(failure: Error | null): string | undefined {
  return failure instanceof Violation ? failure.promise : failure?.message;
}

function addTo(total: CampaignResult, result: ScenarioResult): void {
  total.runs += 1;
  total.hours += result.hours;
  for (const key of Object.keys(result.counts) as (keyof ScenarioCounts)[]) {
    const value = result.counts[key];
    total.counts[key] = key === 'worstRecoveryMs' ? Math.max(total.counts[key], value) : total.counts[key] + value;
  }
  for (const [fault, count] of result.faults) total.faults.set(fault, (total.faults.get(fault) ?? 0) + count);
  if (result.failure !== null) total.failed.push(result);
}

function noCounts(): CampaignResult['counts'] {
  return {
    ...{ events: 0, calls: 0, fires: 0, afterEnds: 0, backfilled: 0, backfills: 0 },
    ...{
      missed: 0,
      skipped: 0,
      inPause: 0,
      attempts: 0,
      rescued: 0,
      lateWords: 0,
      fenced: 0,
      terms: 0,
      operations: 0,
      worstRecoveryMs: 0,
    },
  };
}
