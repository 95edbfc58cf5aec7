import type { ApiWrite, History, ProcessFacts, ShardContents } from '../history.js';
import type { Violation } from '../violation.js';

/** How long a write without an answer may linger on its way before it is applied. */
const LINGER_MS = 20_000;

/**
 * Acknowledged writes stand: what is found is the last acknowledged value, or that of a write of unknown outcome
 * that may have been applied after it. Each entity has one writer, one write at a time, so nothing is refused either.
 */
export function checkAcknowledged({ writes, found, refusals }: History): readonly Violation[] {
  const byEntity = new Map<string, ApiWrite[]>();
  for (const write of writes) byEntity.set(write.entity, [...(byEntity.get(write.entity) ?? []), write]);
  const violations: Violation[] = refusals.map(({ at, text }) => ({ invariant: 'ack', subject: 'API', text, at }));
  for (const [entity, list] of byEntity) {
    const acked = list.findLastIndex((write) => write.ackedAt !== null);
    const last = list[acked];
    if (last === undefined) continue;
    const unknown = list.filter((write) => write.ackedAt === null && write.sentAt > last.sentAt - LINGER_MS);
    const value = found.get(entity) ?? null;
    if ([last, ...unknown].some((write) => write.value === value)) continue;
    const text = `acknowledged as ${last.value ?? 'deleted'}, found ${value ?? 'nothing'}`;
    violations.push({ invariant: 'ack', subject: entity, text, at: last.ackedAt ?? last.sentAt });
  }
  return violations;
}

/** I9: an execution is in the one set that its state says and in the listing; what is due exists. */
export function checkContents({ shards }: History): readonly Violation[] {
  return [...shards.flatMap((shard) => [...recordProblems(shard), ...strays(shard)]), ...copyProblems(shards)];
}

/** A partitioned job is the same in all shards that have it, or deleted in all of them. */
function copyProblems(shards: readonly ShardContents[]): readonly Violation[] {
  const texts = new Map<string, Set<string>>();
  for (const { jobs } of shards) {
    for (const [job, text] of jobs) {
      const version = text.startsWith('-') ? 'deleted' : text;
      texts.set(job, (texts.get(job) ?? new Set()).add(version));
    }
  }
  return [...texts]
    .filter(([, versions]) => versions.size > 1)
    .map(([job, versions]) => ({ invariant: 'I9', subject: job, text: `${versions.size} versions in its shards` }));
}

function recordProblems(shard: ShardContents): readonly Violation[] {
  return [...shard.executions].flatMap(([id, state]) => {
    const places = [
      ...(shard.ready.has(id) ? ['ready'] : []),
      ...(shard.leases.has(id) ? ['leases'] : []),
      ...(shard.retries.has(id) ? ['retries'] : []),
      ...(shard.expiring.has(id) ? ['expiry'] : []),
    ];
    const wanted = PLACE_OF[state] ?? 'expiry';
    const isListed = shard.listed.has(id);
    if (places.length === 1 && places[0] === wanted && isListed) return [];
    const where = places.length === 0 ? 'nowhere' : places.join(' and ');
    return [{ invariant: 'I9' as const, subject: id, text: `${state}, in ${where}${isListed ? '' : ', unlisted'}` }];
  });
}

const PLACE_OF: Readonly<Record<string, string>> = { queued: 'ready', running: 'leases', retrying: 'retries' };

function strays(shard: ShardContents): readonly Violation[] {
  const sets = { ready: shard.ready, leases: shard.leases, retries: shard.retries, history: shard.listed };
  const ids = Object.entries(sets).flatMap(([name, set]) =>
    [...set].filter((id) => !shard.executions.has(id)).map((id) => ({ id, name })),
  );
  const due = [...shard.due].filter((key) => !shard.triggers.has(key)).map((id) => ({ id, name: 'due' }));
  return [...ids, ...due].map(({ id, name }) => ({
    invariant: 'I9' as const,
    subject: id,
    text: `in ${name} of shard ${shard.shard}, but not there`,
  }));
}

export interface GrowthBounds {
  readonly files: number;
  readonly residentMb: number;
}

/** I10: nothing grows without end, ends by itself, or leaves an error unhandled. */
export function checkProcesses({ processes }: History, bounds: GrowthBounds): readonly Violation[] {
  return processes.flatMap((process) =>
    problemsOf(process, bounds).map((text) => ({ invariant: 'I10' as const, subject: process.name, text })),
  );
}

function problemsOf(process: ProcessFacts, bounds: GrowthBounds): readonly string[] {
  const [filesBefore, files] = process.files;
  const [residentBefore, resident] = process.residentMb;
  return [
    ...(process.unexpectedEnd === null ? [] : [`ended by itself: ${process.unexpectedEnd}`]),
    ...process.alarms.map((line) => `alarm: ${line}`),
    ...(files - filesBefore > bounds.files ? [`open files ${filesBefore} → ${files}`] : []),
    ...(resident - residentBefore > bounds.residentMb ? [`memory ${residentBefore} → ${resident} MB`] : []),
  ];
}
