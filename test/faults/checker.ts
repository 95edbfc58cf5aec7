import { checkBackfills } from './checks/backfill-checks.js';
import { checkChains } from './checks/chain-checks.js';
import { checkExecuted, checkRuns, checkTransitions } from './checks/execution-checks.js';
import { checkEpochs, checkFiringSet, checkWatermarks } from './checks/firing-checks.js';
import { checkAcknowledged, checkContents, checkProcesses, type GrowthBounds } from './checks/state-checks.js';
import { checkGaps, checkLateness, type TimeBounds } from './checks/timing-checks.js';
import type { History, LossWindow } from './history.js';
import { INVARIANTS, type Invariant, type Violation } from './violation.js';

export interface Bounds extends TimeBounds {
  readonly growth: GrowthBounds;
}

export const DEFAULT_BOUNDS: Bounds = { latenessMs: 1000, settleMs: 3000, growth: { files: 60, residentMb: 250 } };

/**
 * Every way in which a history breaks what is promised. Pure: the same history has the same violations. Those that
 * fall into a declared loss of acknowledged writes by Redis are marked as excused; that such a loss went unreported
 * is a violation of its own.
 */
export function checkHistory(history: History, bounds: Bounds = DEFAULT_BOUNDS): readonly Violation[] {
  const found = [
    ...checkFiringSet(history),
    ...checkChains(history),
    ...checkBackfills(history),
    ...checkWatermarks(history),
    ...checkEpochs(history),
    ...checkLateness(history, bounds),
    ...checkGaps(history, bounds),
    ...checkTransitions(history),
    ...checkRuns(history),
    ...checkExecuted(history),
    ...checkAcknowledged(history),
    ...checkContents(history),
    ...checkProcesses(history, bounds.growth),
  ].map((violation) => excuse(violation, history.lossWindows));
  return [...found, ...unreported(found, history.lossWindows)];
}

/** What a lost write can bring about. Times are judged all the same. */
const LOSABLE: ReadonlySet<Invariant> = new Set<Invariant>(['I1', 'I2', 'I3', 'I4', 'I5', 'I7', 'ack']);

function excuse(violation: Violation, windows: readonly LossWindow[]): Violation {
  const { at, invariant } = violation;
  const isExcused = at !== undefined && LOSABLE.has(invariant) && windows.some((w) => at >= w.from && at <= w.until);
  return isExcused ? { ...violation, isExcused } : violation;
}

/**
 * Traces of lost commits of leaders. Record and watermark are lost together, so that such a time is decided again: it is
 * recorded or run twice, but never without a record, as one is whose trigger was lost. A store that loses only what
 * others wrote, or what a leader was never told, cannot be told from one that lost nothing.
 */
const NOTICED: ReadonlySet<Invariant> = new Set<Invariant>(['I1']);

/** Id of an execution that a client has asked for. */
const RUN_BY_HAND = /^\d+-\d+-m/;

function unreported(found: readonly Violation[], windows: readonly LossWindow[]): readonly Violation[] {
  return windows.flatMap((window) => {
    const lost = found.filter((v) => v.isExcused === true && (v.at ?? 0) >= window.from && (v.at ?? 0) <= window.until);
    const noticed = lost.filter(
      ({ invariant, subject, at = 0 }) =>
        NOTICED.has(invariant) && !RUN_BY_HAND.test(subject) && at < window.healingFrom,
    );
    if (window.isReported || noticed.length === 0) return [];
    const text = `${lost.length} traces of lost writes, and nobody said so`;
    return [{ invariant: 'loss' as const, subject: 'rollback', text }];
  });
}

const SHOWN_EACH = 10;

/** For people: by invariant, the first few of each. */
export function describeViolations(violations: readonly Violation[]): string {
  if (violations.length === 0) return 'no violations';
  const lines = (Object.keys(INVARIANTS) as Invariant[]).flatMap((invariant) => {
    const list = violations.filter((violation) => violation.invariant === invariant);
    if (list.length === 0) return [];
    const shown = list.slice(0, SHOWN_EACH).map(({ subject, text, at, isExcused }) => {
      const when = at === undefined ? '' : ` (${new Date(at).toISOString()})`;
      return `    ${isExcused === true ? '[lost by Redis] ' : ''}${subject}: ${text}${when}`;
    });
    const more = list.length > SHOWN_EACH ? [`    … and ${list.length - SHOWN_EACH} more`] : [];
    return [`${invariant} ${INVARIANTS[invariant]}: ${list.length}`, ...shown, ...more];
  });
  return lines.join('\n');
}
