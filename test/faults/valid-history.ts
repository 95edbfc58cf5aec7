import { timesIn } from './checks/firing-checks.js';
import type { History, LogEntry, RecordState, TriggerPlan, WorkerRun } from './history.js';
import { Random } from './random.js';

const START = 1_700_000_000_000;
const SPAN_MS = 12_000;
const FAULT = { name: 'made up', from: START + 4000, healedAt: START + 6000, boundMs: 4000 };

/** A plan, and where its trigger lives. */
type Placed = TriggerPlan & { readonly shard: number };
type Timed = { readonly at: number; readonly entry: LogEntry };

/**
 * A made-up history in which everything is as promised: leaders change, attempts fail, are given back and taken
 * back, fires are skipped and missed, an outage delays what is due, triggers are edited.
 */
export function validHistory(seed: number): History {
  const random = new Random(seed);
  const triggers = Array.from({ length: random.between(2, 6) }, (_, i) => planOf(random, i));
  const timed: Timed[] = [];
  const runs: WorkerRun[] = [];
  for (const plan of triggers) playTrigger({ random, plan, timed, runs });
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

function planOf(random: Random, index: number): Placed {
  const everyMs = random.pick([500, 1000, 2000]);
  const phaseMs = random.between(0, everyMs - 1);
  const editAt = START + random.between(3000, 9000);
  const whole = { from: START, until: START + SPAN_MS };
  const first = { everyMs, phaseMs, may: { ...whole, until: editAt }, must: { ...whole, until: editAt - 200 } };
  const second = { ...first, phaseMs: (phaseMs + 100) % everyMs };
  const spans = random.chance(0.5)
    ? [{ ...first, may: whole, must: whole }]
    : [first, { ...second, may: { ...whole, from: editAt - 100 }, must: { ...whole, from: editAt + 100 } }];
  return {
    key: `ns/job/t${index}`,
    shard: random.between(0, 2),
    overlap: random.pick(['skip', 'allow']),
    spans,
  };
}

interface Play {
  readonly random: Random;
  readonly plan: Placed;
  readonly timed: Timed[];
  readonly runs: WorkerRun[];
}

function playTrigger({ random, plan, timed, runs }: Play): void {
  const times = plan.spans.flatMap((span) => timesIn(span, random.chance(0.5) ? span.may : span.must));
  let busyUntil = -Infinity;
  let firedAt = 0;
  for (const nominalAt of [...new Set(times)].sort((a, b) => a - b)) {
    const isDelayed = nominalAt > FAULT.from && nominalAt <= FAULT.healedAt;
    const at = isDelayed ? FAULT.healedAt + 1 + (nominalAt - FAULT.from) / 100 : nominalAt + random.between(0, 9);
    firedAt = Math.max(Math.ceil(at), firedAt + 1);
    const epoch = firedAt >= START + 9000 ? 3 : firedAt >= FAULT.healedAt ? 2 : 1;
    const id = `${plan.shard}-${nominalAt}-${plan.key.slice(-2)}`;
    const base = {
      ...{ attempt: 0, maxAttempts: 3, firedAt, epoch, token: '', settledBy: '', reason: '' },
      ...{ job: 'ns/job', trigger: plan.key, nominalAt, dueAt: nominalAt },
    };
    const push = (when: number, record: RecordState): void => {
      timed.push({ at: when, entry: { kind: 'record', shard: plan.shard, id, record } });
    };
    const { shard, key: trigger } = plan;
    timed.push({ at: firedAt + 0.1, entry: { kind: 'watermark', shard, trigger, watermark: nominalAt } });
    if (isDelayed && random.chance(0.2)) {
      push(firedAt, { ...base, state: 'missed', reason: 'misfire-skip', missedThrough: nominalAt });
    } else if (plan.overlap === 'skip' && firedAt <= busyUntil) {
      push(firedAt, { ...base, state: 'skipped', reason: 'overlap' });
    } else {
      push(firedAt, { ...base, state: 'queued' });
      busyUntil = playAttempts({ random, id, base: { ...base, state: 'queued' }, push, runs });
    }
  }
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
    record = { ...record, ...change };
    push(at, record);
  };
  const note = (event: WorkerRun['event']): void => {
    runs.push({ worker: 'w', id, key: `${base.trigger}@${base.nominalAt}`, attempt: record.attempt, event, at });
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
  return { shard, executions, ...places, triggers: names, due: names };
}
