import { timesIn } from './checks/firing-checks.js';
import type { BackfillPlan, FiringSpan, History, LogEntry, RecordState, TriggerPlan, WorkerRun } from './history.js';
import { Random } from './random.js';

const START = 1_700_000_000_000;
const SPAN_MS = 12_000;
const FAULT = { name: 'made up', from: START + 4000, healedAt: START + 6000, boundMs: 4000 };
const WHOLE = { from: START, until: START + SPAN_MS };

/** A plan, and where its trigger lives. */
type Placed = TriggerPlan & { readonly shard: number };
type Timed = { readonly at: number; readonly entry: LogEntry };

/**
 * A made-up history in which everything is as promised: leaders change, attempts fail, are given back and taken
 * back, fires are skipped and missed, an outage delays what is due, triggers are edited, some fire once, after their
 * own end or by a calendar that changes, and past times are filled in.
 */
export function validHistory(seed: number): History {
  const random = new Random(seed);
  const triggers = [
    ...Array.from({ length: random.between(2, 6) }, (_, i) => everyPlan(random, i)),
    ...Array.from({ length: random.between(0, 3) }, (_, i) => oncePlan(random, i)),
    ...Array.from({ length: random.between(0, 2) }, (_, i) => afterPlan(random, i)),
    ...Array.from({ length: random.between(0, 1) }, (_, i) => calendarPlan(random, i)),
  ];
  const timed: Timed[] = [];
  const runs: WorkerRun[] = [];
  for (const plan of triggers) {
    const play = { random, plan, timed, runs };
    if (plan.spans[0]?.rhythm.kind === 'after') playChain(play, plan.spans[0].rhythm.delayMs);
    else playTimes(play);
    for (const backfill of plan.backfills) playBackfill(play, backfill);
  }
  const shardNumbers = [...new Set(triggers.map((plan) => plan.shard))];
  for (const shard of shardNumbers) {
    const changes = [START - 1, FAULT.healedAt, START + 9000];
    changes.forEach((at, epoch) => timed.push({ at: at - 0.5, entry: { kind: 'fence', shard, epoch: epoch + 1 } }));
  }
  const entries = timed.sort((a, b) => a.at - b.at).map(({ entry }) => entry);
  return {
    triggers,
    log: { kind: 'every-change', entries },
    runs,
    writes: [
      { entity: 'job', value: 'v1', sentAt: START, ackedAt: START + 5 },
      { entity: 'job', value: 'v2', sentAt: START + 4000, ackedAt: null },
      { entity: 'job', value: 'v3', sentAt: START + 7000, ackedAt: START + 7010 },
      { entity: 'gone', value: null, sentAt: START + 100, ackedAt: START + 110 },
    ],
    found: new Map([['job', random.pick(['v2', 'v3'])]]),
    refusals: [],
    faults: [FAULT],
    shards: shardNumbers.map((shard) => contentsOf(shard, { entries, triggers })),
    processes: [
      { name: 'scheduler 1', files: [40, 52], residentMb: [90, 140], unexpectedEnd: null, alarms: [] },
      { name: 'worker 1', files: [30, 28], residentMb: [80, 95], unexpectedEnd: null, alarms: [] },
    ],
    lossWindows: [],
  };
}

function everyPlan(random: Random, index: number): Placed {
  const everyMs = random.pick([500, 1000, 2000]);
  const phaseMs = random.between(0, everyMs - 1);
  const editAt = START + random.between(3000, 9000);
  const rhythm = { kind: 'every' as const, everyMs, phaseMs };
  const moved = { ...rhythm, phaseMs: (phaseMs + 100) % everyMs };
  const spans: readonly FiringSpan[] = random.chance(0.5)
    ? [{ rhythm, may: WHOLE, must: WHOLE }]
    : [
        { rhythm, may: { ...WHOLE, until: editAt }, must: { ...WHOLE, until: editAt - 200 } },
        { rhythm: moved, may: { ...WHOLE, from: editAt - 100 }, must: { ...WHOLE, from: editAt + 100 } },
      ];
  const overlap = random.pick(['skip', 'allow'] as const);
  const backfills = Array.from({ length: random.between(0, 2) }, (_, i) =>
    backfillPlan(random, { rhythm, id: `b${i}` }),
  );
  return { key: `ns/job/t${index}`, shard: random.between(0, 2), overlap, spans, backfills };
}

function backfillPlan(random: Random, { rhythm, id }: Pick<BackfillPlan, 'rhythm' | 'id'>): BackfillPlan {
  const from = START - random.between(20_000, 60_000);
  const overlap = random.pick(['allow', 'bufferAll'] as const);
  return { id, rhythm, from, to: from + random.between(3000, 8000), overlap, ackedAt: START + random.between(0, 8000) };
}

function oncePlan(random: Random, index: number): Placed {
  const rhythm = { kind: 'once' as const, at: START + random.between(1, SPAN_MS) };
  const spans = [{ rhythm, may: WHOLE, must: WHOLE }];
  return { key: `ns/once/t${index}`, shard: random.between(0, 2), overlap: 'allow', spans, backfills: [] };
}

function afterPlan(random: Random, index: number): Placed {
  const rhythm = { kind: 'after' as const, delayMs: random.between(100, 1500) };
  const spans = [{ rhythm, may: { ...WHOLE, from: START - 1000 }, must: WHOLE }];
  return { key: `ns/after/t${index}`, shard: random.between(0, 2), overlap: 'skip', spans, backfills: [] };
}

/** Every other second, and for a while those in between too. */
function calendarPlan(random: Random, index: number): Placed {
  const phaseMs = random.between(0, 999);
  const from = START + random.between(0, 4000);
  const until = from + random.between(3000, 5000);
  const spans: readonly FiringSpan[] = [
    { rhythm: { kind: 'every', everyMs: 2000, phaseMs }, may: WHOLE, must: WHOLE },
    {
      rhythm: { kind: 'every', everyMs: 2000, phaseMs: phaseMs + 1000 },
      may: { from: from - 1000, until: until + 1000 },
      must: { from: from + 500, until: until - 500 },
    },
  ];
  return { key: `ns/calendar/t${index}`, shard: random.between(0, 2), overlap: 'allow', spans, backfills: [] };
}

interface Play {
  readonly random: Random;
  readonly plan: Placed;
  readonly timed: Timed[];
  readonly runs: WorkerRun[];
}

function playTimes(play: Play): void {
  const { plan, random } = play;
  const times = plan.spans.flatMap((span) => timesIn(span, random.chance(0.5) ? span.may : span.must));
  let before = { firedAt: 0, endedAt: -Infinity };
  for (const nominalAt of [...new Set(times)].sort((a, b) => a - b)) before = playFire(play, { nominalAt, before });
}

function playChain(play: Play, delayMs: number): void {
  let before = { firedAt: 0, endedAt: START - play.random.between(0, 900) };
  for (;;) {
    const nominalAt = before.endedAt + delayMs;
    if (nominalAt > START + SPAN_MS) return;
    before = playFire(play, { nominalAt, before });
  }
}

interface Played {
  readonly firedAt: number;
  /** When the last execution that ran ended. */
  readonly endedAt: number;
}

/** One fire, on time or held up by the fault, to the end of its execution. */
function playFire(
  { random, plan, timed, runs }: Play,
  { nominalAt, before }: { nominalAt: number; before: Played },
): Played {
  const isDelayed = nominalAt > FAULT.from && nominalAt <= FAULT.healedAt;
  const at = isDelayed ? FAULT.healedAt + 1 + (nominalAt - FAULT.from) / 100 : nominalAt + random.between(0, 9);
  const firedAt = Math.max(Math.ceil(at), before.firedAt + 1);
  const { shard, key: trigger } = plan;
  const id = `${shard}-${nominalAt}-${trigger}`;
  const base = { ...newRecord({ firedAt, nominalAt }), job: jobOf(trigger), trigger };
  const push = (when: number, record: RecordState): void => {
    timed.push({ at: when, entry: { kind: 'record', shard, id, record } });
  };
  timed.push({ at: firedAt + 0.1, entry: { kind: 'watermark', shard, trigger, watermark: nominalAt } });
  if (isDelayed && random.chance(0.2)) {
    push(firedAt, { ...base, state: 'missed', reason: 'misfire-skip', finishedAt: firedAt, missedThrough: nominalAt });
    return { firedAt, endedAt: Math.max(before.endedAt, firedAt) };
  }
  if (plan.overlap === 'skip' && firedAt <= before.endedAt) {
    push(firedAt, { ...base, state: 'skipped', reason: 'overlap', finishedAt: firedAt });
    return { firedAt, endedAt: before.endedAt };
  }
  push(firedAt, base);
  return { firedAt, endedAt: playAttempts({ random, id, base, push, runs }) };
}

function playBackfill(
  { random, plan, timed, runs }: Play,
  { rhythm, id: name, from, to, ...asked }: BackfillPlan,
): void {
  let firedAt = asked.ackedAt ?? START;
  for (const nominalAt of timesIn({ rhythm }, { from: from - 1, until: to - 1 })) {
    firedAt += random.between(1, 9);
    const id = `${plan.shard}-${nominalAt}-${plan.key}-${name}`;
    const backfill = { id: name, trigger: plan.key };
    const base = { ...newRecord({ firedAt, nominalAt }), job: jobOf(plan.key), trigger: null, backfill };
    const push = (at: number, record: RecordState): void => {
      timed.push({ at, entry: { kind: 'record', shard: plan.shard, id, record } });
    };
    push(firedAt, base);
    const endedAt = playAttempts({ random, id, base, push, runs });
    if (asked.overlap === 'bufferAll') firedAt = endedAt;
  }
}

function newRecord({
  firedAt,
  nominalAt,
}: {
  firedAt: number;
  nominalAt: number;
}): Omit<RecordState, 'job' | 'trigger'> {
  const epoch = firedAt >= START + 9000 ? 3 : firedAt >= FAULT.healedAt ? 2 : 1;
  return {
    ...{ state: 'queued', attempt: 0, maxAttempts: 3, token: '', settledBy: '', reason: '' },
    ...{ firedAt, finishedAt: null, epoch, nominalAt, dueAt: nominalAt },
  };
}

function jobOf(trigger: string): string {
  return trigger.slice(0, trigger.lastIndexOf('/'));
}

interface Attempts {
  readonly random: Random;
  readonly id: string;
  readonly base: RecordState;
  readonly push: (at: number, record: RecordState) => void;
  readonly runs: WorkerRun[];
}

/** Lets the execution live to its end; returns when that was. */
function playAttempts({ random, id, base, push, runs }: Attempts): number {
  let record = base;
  let at = base.firedAt;
  const move = (afterMs: number, change: Partial<RecordState>): void => {
    at += afterMs;
    const hasEnded = change.state === 'failed' || change.state === 'succeeded';
    record = { ...record, ...change, finishedAt: hasEnded ? at : null };
    push(at, record);
  };
  const note = (event: WorkerRun['event']): void => {
    runs.push({ worker: 'w', id, key: id, attempt: record.attempt, event, at });
  };
  for (;;) {
    const token = `token-${Math.floor(at * 10)}-${record.attempt}`;
    move(1, { state: 'running', attempt: record.attempt + 1, token });
    note('start');
    const isLast = record.attempt === record.maxAttempts;
    const what = random.pick(['ends', 'ends', 'ends', 'fails', 'is given back', 'is taken back']);
    if (what === 'is given back') {
      note('abort');
      move(2, { state: 'queued', attempt: record.attempt - 1, token: '', settledBy: token });
    } else if (what === 'is taken back') {
      if (isLast) {
        move(50, { state: 'failed', token: '', reason: 'attempts-used-up' });
        return at;
      }
      move(50, { state: 'queued', token: '' });
    } else if (what === 'fails' && !isLast) {
      note('abort');
      move(3, { state: 'retrying', token: '', settledBy: token });
      move(10, { state: 'queued' });
    } else if (what === 'fails') {
      move(3, { state: 'failed', token: '', settledBy: token, reason: 'attempts-used-up' });
      return at;
    } else {
      note('end');
      move(3, { state: 'succeeded', token: '', settledBy: token });
      return at;
    }
  }
}

function contentsOf(
  shard: number,
  { entries, triggers }: { entries: readonly LogEntry[]; triggers: readonly Placed[] },
): History['shards'][number] {
  const executions = new Map<string, string>();
  for (const entry of entries) {
    if (entry.kind === 'record' && entry.shard === shard) executions.set(entry.id, entry.record.state);
  }
  const names = new Set(triggers.filter((plan) => plan.shard === shard).map((plan) => plan.key));
  const ids = new Set(executions.keys());
  const none = new Set<string>();
  const places = { ready: none, leases: none, retries: none, expiring: ids, listed: ids };
  const jobs = new Map([['ns/job', 'the same everywhere']]);
  return { shard, executions, ...places, jobs, triggers: names, due: names };
}
