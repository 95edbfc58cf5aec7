import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualExecutionId } from '../../src/domain/execution.js';
import { checkHistory, describeViolations } from './checker.js';
import type { History, RecordState } from './history.js';
import {
  beside,
  isAlwaysIncluded,
  isBackfill,
  isByCalendar,
  isChained,
  isFired,
  isOnce,
  isRecord,
  isRequired,
  isTimed,
  onLink,
  onRecord,
  removing,
  rewriting,
  rewritten,
  withEntries,
  without,
  type Mutation,
} from './mutation.js';
import { Random } from './random.js';
import { validHistory } from './valid-history.js';
import type { Invariant } from './violation.js';

const seeds = fc.integer({ min: 0, max: 2 ** 31 });

const mutations: readonly { readonly name: string; readonly finds: Invariant; readonly mutate: Mutation }[] = [
  {
    name: 'a removed firing',
    finds: 'I2',
    mutate: (history, random) => {
      const required = history.log.entries.filter(isRecord).filter(({ record }) => isRequired(history, record));
      return required.length === 0 ? null : without(history, random.pick(required).id);
    },
  },
  {
    name: 'a missed time without its record',
    finds: 'I2',
    mutate: (history) => {
      const missed = history.log.entries
        .filter(isRecord)
        .find(({ record }) => record.state === 'missed' && isRequired(history, record));
      return missed === undefined ? null : without(history, missed.id);
    },
  },
  {
    name: 'a doubled firing under another id',
    finds: 'I1',
    mutate: onRecord(isFired, (entry) => [entry, { ...entry, id: `${entry.id}-again` }]),
  },
  {
    name: 'a firing that is recorded again after its record was removed',
    finds: 'I1',
    mutate: onRecord(isFired, (entry) => [entry, { kind: 'removed', shard: entry.shard, id: entry.id }, entry]),
  },
  {
    name: 'a firing of a time that the schedule does not have',
    finds: 'I3',
    mutate: onRecord(isTimed, (entry) => {
      const { nominalAt, dueAt } = entry.record;
      return [
        entry,
        { ...entry, id: 'stray', record: { ...entry.record, nominalAt: nominalAt + 1, dueAt: dueAt + 1 } },
      ];
    }),
  },
  {
    name: 'a firing of a trigger that nobody defined',
    finds: 'I3',
    mutate: onRecord(isFired, (entry) => [
      entry,
      { ...entry, id: 'stray', record: { ...entry.record, trigger: 'ns/job/unknown' } },
    ]),
  },
  {
    name: 'a firing by an epoch that has ended',
    finds: 'I5',
    mutate: onRecord(
      (record, isFirst) => isFired(record, isFirst) && record.epoch > 1,
      (entry) => [{ ...entry, record: { ...entry.record, epoch: entry.record.epoch - 1 } }],
    ),
  },
  {
    name: 'a fence that falls',
    finds: 'I5',
    mutate: onRecord(
      (record) => record.epoch > 1,
      (entry) => [{ kind: 'fence', shard: entry.shard, epoch: entry.record.epoch - 1 }, entry],
    ),
  },
  {
    name: 'a watermark that goes back',
    finds: 'I1',
    mutate: (history, random) => {
      const marks = history.log.entries.filter((entry) => entry.kind === 'watermark');
      if (marks.length === 0) return null;
      const mark = random.pick(marks);
      return withEntries(history, [...history.log.entries, { ...mark, watermark: mark.watermark - 60_000 }]);
    },
  },
  {
    name: 'an early firing',
    finds: 'I6',
    mutate: onRecord(isFired, (entry) => [{ ...entry, record: { ...entry.record, firedAt: entry.record.dueAt - 1 } }]),
  },
  {
    name: 'a firing later than any fault explains',
    finds: 'I6',
    mutate: onRecord(isFired, (entry) => [
      { ...entry, record: { ...entry.record, firedAt: entry.record.dueAt + 60_000 } },
    ]),
  },
  {
    name: 'a shard that stands still for longer than any fault explains',
    finds: 'I8',
    mutate: onRecord(isFired, (entry) => {
      const dueAt = entry.record.dueAt + 100_000;
      const late = { ...entry.record, dueAt, firedAt: dueAt + 60_000 };
      return [entry, { ...entry, id: 'late', record: late }];
    }),
  },
  {
    name: 'a one-shot that never fired',
    finds: 'I2',
    mutate: removing(isOnce),
  },
  {
    name: 'a one-shot that fired twice',
    finds: 'I1',
    mutate: beside(
      (record, isFirst) => isFirst && isOnce(record),
      () => ({}),
    ),
  },
  {
    name: 'a one-shot that fired at another instant',
    finds: 'I3',
    mutate: rewriting(isOnce, ({ nominalAt }) => ({ nominalAt: nominalAt + 1000 })),
  },
  {
    name: 'a one-shot that fired before its instant',
    finds: 'I6',
    mutate: rewriting(
      (record) => isOnce(record) && record.state === 'succeeded',
      ({ nominalAt }) => ({ firedAt: nominalAt - 1 }),
    ),
  },
  {
    name: 'a fire that was left out between two of a trigger that waits for its own end',
    finds: 'I2',
    mutate: onLink(({ link }, history) => without(history, link.id)),
  },
  {
    name: 'a trigger that waits for its own end and stands still after it',
    finds: 'I2',
    mutate: onLink(({ link }, history) => {
      const { trigger, nominalAt } = link.record;
      const later = history.log.entries
        .filter(isRecord)
        .filter(({ record }) => record.trigger === trigger && record.nominalAt >= nominalAt);
      return later.reduce((left, { id }) => without(left, id), history);
    }),
  },
  {
    name: 'a trigger that fires before its delay after its own end has passed',
    finds: 'I6',
    mutate: onLink(({ link }, history) =>
      rewritten(history, link.id, ({ nominalAt }) => ({ nominalAt: nominalAt - 1, dueAt: nominalAt - 1 })),
    ),
  },
  {
    name: 'a trigger that waits for its own end and fires later than its delay says',
    finds: 'I2',
    mutate: onLink(({ before }, history) =>
      rewritten(history, before.id, ({ finishedAt }) => ({ finishedAt: finishedAt === null ? null : finishedAt - 1 })),
    ),
  },
  {
    name: 'a trigger that fires while it waits for its own end',
    finds: 'I7',
    mutate: beside(
      (record, isFirst) => isFired(record, isFirst) && isChained(record),
      ({ nominalAt }) => ({ nominalAt: nominalAt + 1 }),
    ),
  },
  {
    name: 'a fire of a trigger that waits for its own end, twice',
    finds: 'I1',
    mutate: beside(
      (record, isFirst) => isFired(record, isFirst) && isChained(record),
      () => ({}),
    ),
  },
  {
    name: 'a time that every version of a calendar includes and that never fired',
    finds: 'I2',
    mutate: (history, random) => removing((record) => isAlwaysIncluded(history, record))(history, random),
  },
  {
    name: 'a fire at a time that a calendar had taken away',
    finds: 'I3',
    mutate: (history, random) => {
      const given = history.triggers.find(({ key }) => isByCalendar(key))?.spans[1];
      if (given === undefined) return null;
      return beside(
        (record, isFirst) => isFirst && isAlwaysIncluded(history, record) && record.nominalAt + 1000 > given.may.until,
        ({ nominalAt }) => ({ nominalAt: nominalAt + 1000, dueAt: nominalAt + 1000 }),
      )(history, random);
    },
  },
  {
    name: 'a time that a backfill left out',
    finds: 'I2',
    mutate: removing(({ backfill }) => backfill !== undefined),
  },
  {
    name: 'a time that a backfill fired twice',
    finds: 'I1',
    mutate: beside(isBackfill, () => ({})),
  },
  {
    name: 'a backfill beyond its range',
    finds: 'I3',
    mutate: beside(isBackfill, ({ nominalAt }) => ({ nominalAt: nominalAt + 10_000 })),
  },
  {
    name: 'a backfill of times that the schedule does not have',
    finds: 'I3',
    mutate: rewriting(
      ({ backfill }) => backfill !== undefined,
      ({ nominalAt }) => ({ nominalAt: nominalAt + 1 }),
    ),
  },
  {
    name: 'a backfill that nobody asked for',
    finds: 'I3',
    mutate: beside(isBackfill, () => ({ backfill: { id: 'unheard-of', trigger: 'ns/job/t0' } })),
  },
  {
    name: 'a backfill whose fires count as those of its trigger',
    finds: 'I3',
    mutate: onRecord(isBackfill, (entry) => {
      const { backfill, ...record } = entry.record;
      return [{ ...entry, record: { ...record, trigger: backfill?.trigger ?? null } }];
    }),
  },
  {
    name: 'a backfill in order that did not wait',
    finds: 'I7',
    mutate: (history, random) => {
      const inOrder = history.triggers.flatMap(({ key, backfills }) =>
        backfills.filter(({ overlap }) => overlap === 'bufferAll').map(({ id }) => `${key}/${id}`),
      );
      const nameOf = ({ backfill }: RecordState): string => `${backfill?.trigger}/${backfill?.id}`;
      const firings = history.log.entries.filter(isRecord).filter(({ record }) => inOrder.includes(nameOf(record)));
      const later = firings.filter(({ record }) =>
        firings.some((other) => nameOf(other.record) === nameOf(record) && other.record.nominalAt < record.nominalAt),
      );
      if (later.length === 0) return null;
      return rewritten(history, random.pick(later).id, () => ({ firedAt: 0 }));
    },
  },
  {
    name: 'a fire of a backfill by an epoch that has ended',
    finds: 'I5',
    mutate: onRecord(
      (record, isFirst) => isBackfill(record, isFirst) && record.epoch > 1,
      (entry) => [{ ...entry, record: { ...entry.record, epoch: entry.record.epoch - 1 } }],
    ),
  },
  {
    name: 'a copy of a partitioned job that differs',
    finds: 'I9',
    mutate: (history) => {
      const [first, ...others] = history.shards;
      if (first === undefined || others.length === 0) return null;
      return { ...history, shards: [{ ...first, jobs: new Map([['ns/job', 'another version']]) }, ...others] };
    },
  },
  {
    name: 'an execution that succeeded twice',
    finds: 'I7',
    mutate: onRecord(
      ({ state }) => state === 'succeeded',
      (entry) => [entry, { ...entry, record: { ...entry.record, state: 'running' } }, entry],
    ),
  },
  {
    name: 'an attempt that two workers finished',
    finds: 'I7',
    mutate: (history, random) => {
      const ends = history.runs.filter((run) => run.event === 'end');
      if (ends.length === 0) return null;
      return { ...history, runs: [...history.runs, { ...random.pick(ends), worker: 'another' }] };
    },
  },
  {
    name: 'an attempt that two workers began',
    finds: 'I7',
    mutate: (history, random) => {
      const starts = history.runs.filter((run) => run.event === 'start');
      if (starts.length === 0) return null;
      return { ...history, runs: [...history.runs, { ...random.pick(starts), worker: 'another' }] };
    },
  },
  {
    name: 'a result that was accepted from an attempt without the lease',
    finds: 'I7',
    mutate: onRecord(
      ({ state }) => state === 'succeeded',
      (entry) => [{ ...entry, record: { ...entry.record, settledBy: 'another token' } }],
    ),
  },
  {
    name: 'a second lease while the first holds',
    finds: 'I7',
    mutate: onRecord(
      ({ state }) => state === 'running',
      (entry) => [entry, { ...entry, record: { ...entry.record, token: 'another token' } }],
    ),
  },
  {
    name: 'a state that goes backwards',
    finds: 'I7',
    mutate: onRecord(
      ({ state }) => state === 'succeeded' || state === 'failed',
      (entry) => [entry, { ...entry, record: { ...entry.record, state: 'queued' } }],
    ),
  },
  {
    name: 'an attempt that was not counted',
    finds: 'I7',
    mutate: onRecord(
      ({ state, attempt }) => state === 'running' && attempt > 1,
      (entry) => [{ ...entry, record: { ...entry.record, attempt: entry.record.attempt - 1 } }],
    ),
  },
  {
    name: 'a fire that is queued while the execution before it runs, against its overlap policy',
    finds: 'I7',
    mutate: (history, random) => {
      const skipping = new Set(history.triggers.filter((plan) => plan.overlap === 'skip').map((plan) => plan.key));
      return onRecord(
        (record, isFirst) => isFired(record, isFirst) && skipping.has(record.trigger ?? ''),
        (entry) => [entry, { ...entry, id: `${entry.id}-beside` }],
      )(history, random);
    },
  },
  {
    name: 'an execution that never ended',
    finds: 'I4',
    mutate: onRecord(
      ({ state }) => state === 'succeeded',
      () => [],
    ),
  },
  {
    name: 'a success that no worker knows of',
    finds: 'I4',
    mutate: (history) => {
      const end = history.runs.find((run) => run.event === 'end');
      return end === undefined ? null : { ...history, runs: history.runs.filter((run) => run !== end) };
    },
  },
  {
    name: 'a failure with attempts left',
    finds: 'I4',
    mutate: onRecord(
      ({ state }) => state === 'failed',
      (entry) => [{ ...entry, record: { ...entry.record, maxAttempts: entry.record.attempt + 1 } }],
    ),
  },
  {
    name: 'a queued execution that was deleted',
    finds: 'I4',
    mutate: onRecord(isFired, (entry) => [entry, { kind: 'removed', shard: entry.shard, id: entry.id }]),
  },
  {
    name: 'a run without a record',
    finds: 'I1',
    mutate: (history) => {
      const [run] = history.runs;
      return run === undefined ? null : { ...history, runs: [...history.runs, { ...run, id: 'unheard of' }] };
    },
  },
  {
    name: 'an acknowledged write that is not there',
    finds: 'ack',
    mutate: (history) => ({ ...history, found: new Map([['job', 'v1']]) }),
  },
  {
    name: 'an acknowledged deletion that came undone',
    finds: 'ack',
    mutate: (history) => ({ ...history, found: new Map([...history.found, ['gone', 'v1']]) }),
  },
  {
    name: 'a request that was refused for no reason',
    finds: 'ack',
    mutate: (history) => ({ ...history, refusals: [{ at: 0, text: '404' }] }),
  },
  {
    name: 'a member of a queue without its record',
    finds: 'I9',
    mutate: (history, random) => {
      const place = random.pick(['ready', 'leases', 'retries', 'listed', 'due'] as const);
      const [first, ...others] = history.shards;
      return first === undefined
        ? null
        : { ...history, shards: [{ ...first, [place]: new Set(['orphan']) }, ...others] };
    },
  },
  {
    name: 'an ended execution that nothing will ever delete',
    finds: 'I9',
    mutate: (history) => {
      const [first, ...others] = history.shards;
      if (first === undefined || first.executions.size === 0) return null;
      return { ...history, shards: [{ ...first, expiring: new Set() }, ...others] };
    },
  },
  {
    name: 'a process that leaks files',
    finds: 'I10',
    mutate: (history) => onProcess(history, { files: [40, 400] }),
  },
  {
    name: 'a process that grows',
    finds: 'I10',
    mutate: (history) => onProcess(history, { residentMb: [90, 900] }),
  },
  {
    name: 'a process that ended by itself',
    finds: 'I10',
    mutate: (history) => onProcess(history, { unexpectedEnd: 'exit 1' }),
  },
  {
    name: 'an error that nobody handled',
    finds: 'I10',
    mutate: (history) => onProcess(history, { alarms: ['UnhandledPromiseRejection'] }),
  },
];

function onProcess(history: History, change: Partial<History['processes'][number]>): History {
  return {
    ...history,
    processes: history.processes.map((process, i) => (i === 0 ? { ...process, ...change } : process)),
  };
}

describe('the checker', () => {
  it('has no complaint about histories in which everything is as promised', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(describeViolations(checkHistory(validHistory(seed)))).toBe('no violations');
      }),
    );
  });

  it.each(mutations)('finds $name', ({ finds, mutate }) => {
    let applied = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const mutated = mutate(validHistory(seed), new Random(seed + 1));
        if (mutated === null) return;
        applied += 1;
        expect(checkHistory(mutated).map(({ invariant }) => invariant)).toContain(finds);
      }),
    );
    expect(applied).toBeGreaterThan(10);
  });

  it('excuses what Redis lost within a declared window, if somebody said so', () => {
    const history = validHistory(1);
    const required = history.log.entries.filter(isRecord).find(({ record }) => isRequired(history, record));
    const lost = without(history, required?.id ?? '');
    const window = {
      from: required?.record.nominalAt ?? 0,
      until: required?.record.nominalAt ?? 0,
      healingFrom: Infinity,
    };
    const reported = checkHistory({ ...lost, lossWindows: [{ ...window, isReported: true }] });
    expect(reported).toHaveLength(1);
    expect(reported[0]).toMatchObject({ invariant: 'I2', isExcused: true });
  });

  it('demands that lost commits of leaders are reported, which show as fires repeated, and cannot for what clients wrote', () => {
    const history = validHistory(1);
    const records = history.log.entries.filter(isRecord);
    const required = records.find(({ record }) => isRequired(history, record));
    const window = { from: 0, until: Infinity, healingFrom: Infinity, isReported: false };
    const lost = { ...without(history, required?.id ?? ''), lossWindows: [window] };
    expect(checkHistory(lost).map(({ invariant }) => invariant)).toEqual(['I2']);
    const [run] = history.runs;
    const repeated = { ...history, runs: [...history.runs, { ...run, id: 'unknown' } as never], lossWindows: [window] };
    expect(checkHistory(repeated).map(({ invariant }) => invariant)).toContain('loss');
    const reported = { ...repeated, lossWindows: [{ ...window, isReported: true }] };
    expect(checkHistory(reported).map(({ invariant }) => invariant)).not.toContain('loss');
    // Asked for by a client.
    const byHand = manualExecutionId(0, 1, 'a');
    const asked = { ...repeated, runs: [...history.runs, { ...run, id: byHand } as never] };
    expect(checkHistory(asked)).toContainEqual(expect.objectContaining({ invariant: 'I1', subject: byHand }));
    expect(checkHistory(asked).map(({ invariant }) => invariant)).not.toContain('loss');
    // Begun on a master that nobody had waited for any more.
    const stale = { ...repeated, lossWindows: [{ ...window, healingFrom: run?.at ?? 0 }] };
    expect(checkHistory(stale).map(({ invariant }) => invariant)).not.toContain('loss');
  });

  it('describes what it found by invariant, with the first few of each', () => {
    const history = validHistory(3);
    const text = describeViolations(checkHistory({ ...history, log: { ...history.log, entries: [] }, runs: [] }));
    expect(text).toMatch(/^I2 no nominal time is without a record: \d+\n {4}ns\/job\/t0@/);
    expect(text).toMatch(/… and \d+ more$/);
  });
});
