import { timesIn } from './checks/firing-checks.js';
import type { History, LogEntry, RecordState } from './history.js';
import type { Random } from './random.js';

type RecordEntry = Extract<LogEntry, { kind: 'record' }>;
export type Mutation = (history: History, random: Random) => History | null;

export const isRecord = (entry: LogEntry): entry is RecordEntry => entry.kind === 'record';

/** Picks one record entry that `fits`, and replaces it by what `change` makes of it. */
export function onRecord(
  fits: (record: RecordState, isFirst: boolean) => boolean,
  change: (entry: RecordEntry, context: { history: History; random: Random }) => readonly LogEntry[],
): Mutation {
  return (history, random) => {
    const { entries } = history.log;
    const seen = new Set<string>();
    const fitting = entries.flatMap((entry, index) => {
      if (!isRecord(entry)) return [];
      const isFirst = !seen.has(entry.id);
      seen.add(entry.id);
      return fits(entry.record, isFirst) ? [index] : [];
    });
    if (fitting.length === 0) return null;
    const index = random.pick(fitting);
    const changed = change(entries[index] as RecordEntry, { history, random });
    return withEntries(history, [...entries.slice(0, index), ...changed, ...entries.slice(index + 1)]);
  };
}

export function withEntries(history: History, entries: readonly LogEntry[]): History {
  return { ...history, log: { ...history.log, entries } };
}

export function without(history: History, id: string): History {
  const entries = history.log.entries.filter((entry) => !(isRecord(entry) && entry.id === id));
  return { ...withEntries(history, entries), runs: history.runs.filter((run) => run.id !== id) };
}

export const isFired = ({ state, trigger }: RecordState, isFirst: boolean): boolean =>
  isFirst && state === 'queued' && trigger !== null;
export const isChained = ({ trigger }: RecordState): boolean => trigger?.startsWith('ns/after/') === true;
export const isByCalendar = (trigger: string | null): boolean => trigger?.startsWith('ns/calendar/') === true;
export const isOnce = ({ trigger }: RecordState): boolean => trigger?.startsWith('ns/once/') === true;
/** Fired at a time of its schedule. */
export const isTimed = (record: RecordState, isFirst: boolean): boolean =>
  isFired(record, isFirst) && !isChained(record);
export const isBackfill = ({ backfill }: RecordState, isFirst: boolean): boolean => isFirst && backfill !== undefined;

/** The nominal time is one that must be recorded, not one that an edit left open. */
export function isRequired(history: History, record: RecordState): boolean {
  const plan = history.triggers.find(({ key }) => key === record.trigger);
  const { nominalAt } = record;
  return (
    plan?.spans.some(
      (span) =>
        nominalAt > span.must.from &&
        nominalAt <= span.must.until &&
        timesIn(span, { from: nominalAt - 1, until: nominalAt }).length > 0,
    ) === true
  );
}

/** One of the times that every version of the trigger's calendar includes. */
export function isAlwaysIncluded({ triggers }: History, { trigger, nominalAt }: RecordState): boolean {
  const [always] = triggers.find(({ key }) => key === trigger && isByCalendar(key))?.spans ?? [];
  return always !== undefined && timesIn(always, { from: nominalAt - 1, until: nominalAt }).length > 0;
}

/** Fires of triggers that wait for their own end, each with the one before it. */
function linksOf(history: History): readonly { readonly before: RecordEntry; readonly link: RecordEntry }[] {
  const latest = new Map<string, RecordEntry>();
  return history.log.entries.filter(isRecord).flatMap((link) => {
    const key = link.record.trigger ?? '';
    const before = latest.get(key);
    if (!isChained(link.record) || before?.id === link.id) return [];
    latest.set(key, link);
    return before === undefined ? [] : [{ before, link }];
  });
}

export function onLink(
  mutate: (link: { readonly before: RecordEntry; readonly link: RecordEntry }, history: History) => History,
): Mutation {
  return (history, random) => {
    const links = linksOf(history).filter(({ before }) => before.record.state !== 'missed');
    return links.length === 0 ? null : mutate(random.pick(links), history);
  };
}

/** Removes one whole execution that `fits`. */
export function removing(fits: (record: RecordState) => boolean): Mutation {
  return (history, random) => {
    const fitting = history.log.entries.filter(isRecord).filter(({ record }) => fits(record));
    return fitting.length === 0 ? null : without(history, random.pick(fitting).id);
  };
}

/** Puts a fire beside another one, with some of its facts changed. */
export const beside = (
  fits: (record: RecordState, isFirst: boolean) => boolean,
  change: (record: RecordState) => Partial<RecordState>,
): Mutation =>
  onRecord(fits, (entry) => [entry, { ...entry, id: 'beside', record: { ...entry.record, ...change(entry.record) } }]);

/** Changes all states of one execution alike. */
export function rewritten(
  history: History,
  id: string,
  change: (record: RecordState) => Partial<RecordState>,
): History {
  return withEntries(
    history,
    history.log.entries.map((entry) =>
      isRecord(entry) && entry.id === id ? { ...entry, record: { ...entry.record, ...change(entry.record) } } : entry,
    ),
  );
}

export function rewriting(
  fits: (record: RecordState) => boolean,
  change: (record: RecordState) => Partial<RecordState>,
): Mutation {
  return (history, random) => {
    const fitting = history.log.entries.filter(isRecord).filter(({ record }) => fits(record));
    return fitting.length === 0 ? null : rewritten(history, random.pick(fitting).id, change);
  };
}
