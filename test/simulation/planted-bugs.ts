import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import type { runScenario, ScenarioResult } from './scenario.js';

/** A change of the product that the simulation has to find. */
export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly replace: string;
  readonly by: string;
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'the fence is not checked',
    file: 'src/store/memory/memory-shard.ts',
    replace: 'if (epoch < this.fence.epoch) throw',
    by: 'if (epoch < 0) throw',
  },
  {
    name: 'the watermark is not compared',
    file: 'src/store/memory/memory-firing.ts',
    replace: 'trigger.state.watermark !== expected.watermark',
    by: 'false',
  },
  {
    name: 'the store lets fires in early',
    file: 'src/store/memory/memory-firing.ts',
    replace: "if (now < decision.dueAt) return { outcome: 'early', skippedCount: 0 };",
    by: '',
  },
  {
    name: 'overlaps are not looked for',
    file: 'src/store/memory/memory-firing.ts',
    replace: "decision.overlap === 'skip' && isUnfinished(shard, last)",
    by: 'false',
  },
  {
    name: 'trust has no end',
    file: 'src/leader/zookeeper-session.ts',
    replace: 'client.isOpen && this.#deps.clock.monotonicNow() < this.#trustedUntil',
    by: 'client.isOpen',
  },
  {
    name: 'trust counts from the answer',
    file: 'src/leader/zookeeper-session.ts',
    replace: 'this.#trust(sentAt);',
    by: 'this.#trust(this.#deps.clock.monotonicNow() + this.#timeoutMs);',
  },
  {
    name: 'a lost connection ends no term',
    file: 'src/leader/zookeeper-elector.ts',
    replace: "disconnected: () => this.#terms.endAll('disconnected'),",
    by: 'disconnected: () => undefined,',
  },
  {
    name: 'epochs are not raised',
    file: 'src/leader/shard-ownership.ts',
    replace: 'Math.max(this.#parseEpoch(znode?.data ?? NOTHING), fence) + 1',
    by: 'Math.max(this.#parseEpoch(znode?.data ?? NOTHING), fence, 1)',
  },
  {
    name: 'the planner starts from now, not from the watermark',
    file: 'src/domain/fire-plan.ts',
    replace: 'return Math.max(watermark, job.pause === undefined ? (job.resumedAt ?? watermark) : at);',
    by: 'return Math.max(watermark, job.pause === undefined ? Math.max(job.resumedAt ?? 0, at - 30_000) : at);',
  },
  {
    name: 'a sample of the clock counts before better ones are there',
    file: 'src/store/redis/redis-cluster-clock.ts',
    replace: 'const measuredAt = clock.monotonicNow();',
    by: 'const measuredAt = clock.monotonicNow(); this.#serverMinusMonotonic = serverTime - (sentAt + measuredAt) / 2;',
  },
  {
    name: 'the planner forgets what it could not send',
    file: 'src/scheduler/fire-planner.ts',
    replace: 'for (const { trigger } of planned) this.#inFlight.delete(trigger.key);',
    by: '',
  },
  {
    name: 'the due index is not moved with the trigger',
    file: 'src/store/memory/memory-shard.ts',
    replace: 'else this.due.set(trigger.key, trigger.dueAt);',
    by: 'else if (this.due.score(trigger.key) === undefined) this.due.set(trigger.key, trigger.dueAt);',
  },
  {
    name: 'anybody may settle',
    file: 'src/store/memory/memory-settlement.ts',
    replace: 'if (stored.token !== token) return',
    by: 'if (stored.token === null) return',
  },
  {
    name: 'a rescue counts no attempts',
    file: 'src/store/memory/memory-settlement.ts',
    replace: 'if (record.attempt < record.maxAttempts) {',
    by: 'if (record.attempt <= record.maxAttempts) {',
  },
  {
    name: 'leases are kept in mind too long',
    file: 'src/workers/lease-keeper.ts',
    replace: 'if (age >= this.#leaseMs - this.#passMs) this.#lose',
    by: 'if (age >= 2 * this.#leaseMs) this.#lose',
  },
  {
    name: 'a lost settlement is not repeated and its lease extended for ever',
    file: 'src/workers/execution-runner.ts',
    replace: '    leases.letGo(lease);\n',
    by: '',
  },
  {
    name: 'retries are never queued again',
    file: 'src/scheduler/shard-upkeep.ts',
    replace: 'if (isDue(retryAt)) count += await',
    by: 'if (isDue(retryAt) && retryAt === 0) count += await',
  },
  {
    name: 'what is due of a trigger that is written anew is forgotten',
    file: 'src/client/undecided-times.ts',
    replace: 'return await write({ ifDecided: true });',
    by: 'return await write({ ifDecided: false });',
  },
  {
    name: 'an end makes nothing due',
    file: 'src/store/memory/memory-shard.ts',
    replace: 'this.putTrigger(stored, { ...trigger, state: { ...state, watermark }, dueAt });',
    by: 'void dueAt;',
  },
  {
    name: 'a delay counts from the fire, not from the end',
    file: 'src/store/memory/memory-shard.ts',
    replace: 'const watermark = Math.max(state.watermark, now);',
    by: 'const watermark = state.watermark;',
  },
  {
    name: 'a delayed trigger that was written anew does not wait for what runs',
    file: 'src/store/memory/memory-firing.ts',
    replace: "decision.nextDueAt === 'completion' && isUnfinished(shard, trigger.state.lastExecutionId)",
    by: 'false',
  },
  {
    name: 'a backfill ends one time early',
    file: 'src/domain/backfill.ts',
    replace: 'isLast: times.length <= size,',
    by: 'isLast: times.length <= size + 1,',
  },
  {
    name: 'a backfill does not wait for what it has queued',
    file: 'src/store/memory/memory-backfill-store.ts',
    replace: "step.overlap !== 'allow' && last !== undefined",
    by: "step.overlap === 'skip' && last !== undefined",
  },
  {
    name: 'a backfill that a cut interrupted is not taken up again',
    file: 'src/scheduler/shard-backfiller.ts',
    replace: "const running = all.filter(({ state }) => state === 'running');",
    by: "const running = all.filter(({ state, cursor, from }) => state === 'running' && (cursor < from || term.epoch < 3));",
  },
  {
    name: 'other shards keep a partitioned job as it was',
    file: 'src/store/memory/memory-job-store.ts',
    replace: '{ get: () => stored.job }',
    by: '{ value: stored.job }',
  },
  {
    name: 'a deletion forgets the triggers in other shards',
    file: 'src/store/memory/memory-job-store.ts',
    replace: 'for (const shard of this.#shards) {',
    by: 'for (const shard of [this.#shardOf(key)]) {',
  },
];

/** Builds the product with the bug in it and simulates until it is found or the hours are used up. */
export async function findPlanted(
  bug: PlantedBug,
  { seed, hours, folder }: { readonly seed: number; readonly hours: number; readonly folder: string },
): Promise<ScenarioResult> {
  const run = await loadWith(bug, folder);
  let simulated = 0;
  for (let next = seed; ; next++) {
    const result = await run({ seed: next, hours: 1 });
    simulated += result.hours;
    if (result.failure !== null || simulated >= hours) return { ...result, hours: simulated };
  }
}

async function loadWith(bug: PlantedBug, folder: string): Promise<typeof runScenario> {
  const root = process.cwd();
  const file = join(root, bug.file);
  if (readFileSync(file, 'utf8').split(bug.replace).length !== 2)
    throw new Error(`${bug.name}: its place is not found once in ${bug.file}`);
  const name = `planted-${PLANTED_BUGS.indexOf(bug)}.mjs`;
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'plant',
        enforce: 'pre',
        transform: (code, id) => (id === file ? code.replace(bug.replace, () => bug.by) : null),
      },
    ],
    build: {
      ssr: join(root, 'test/simulation/scenario.ts'),
      outDir: folder,
      emptyOutDir: false,
      rolldownOptions: { output: { entryFileNames: name } },
    },
  });
  const loaded = (await import(/* @vite-ignore */ pathToFileURL(join(folder, name)).href)) as {
    readonly runScenario: typeof runScenario;
  };
  return loaded.runScenario;
}
