import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startZooKeeper, type ZooKeeperEnsemble } from '../../scripts/servers.mjs';
import { DEFAULT_BOUNDS, describeViolations, type Bounds } from './checker.js';
import type { Fault } from './fault.js';
import { FaultSite, singleRedis, type RedisSite, type SiteKind } from './fault-site.js';
import { Random } from './random.js';
import { clusterRedis, sentinelRedis } from './replicated-redis.js';
import { namedRound, RoundChooser, type RoundChoice } from './round-choice.js';
import { runRound, type RoundResult } from './round.js';
import { Tally } from './tally.js';

export interface SuiteOptions {
  /** Folder of the built product. */
  readonly build: string;
  /** Logs, histories of failing rounds and the report go here. */
  readonly folder: string;
  readonly seed: number;
  readonly faults: readonly Fault[];
  /** Rounds by name, `a` or `a+b`, in turn; empty = chosen by the seed among all faults. */
  readonly only: readonly string[];
  /** No round begins after so long, unless some fault came fewer than `leastTimes`. */
  readonly forMs: number;
  readonly leastTimes?: number;
  readonly maxRounds: number;
  readonly fires: number;
  /** No round begins after it is aborted. */
  readonly signal?: AbortSignal;
  readonly bounds?: Bounds;
  /** Network namespaces for the members of the site with one Redis: faults may need them. */
  readonly withHosts?: boolean;
  readonly say: (line: string) => void;
}

export interface SuiteResult {
  readonly tally: Tally;
  readonly failed: readonly { readonly replay: string; readonly text: string }[];
}

const SITES: Readonly<Record<SiteKind, () => Promise<RedisSite>>> = {
  single: singleRedis,
  sentinel: sentinelRedis,
  cluster: clusterRedis,
};

/**
 * Round after round until the time is over, on one site at a time: what stands idle takes from the machine whose times
 * are judged.
 */
export async function runSuite(options: SuiteOptions): Promise<SuiteResult> {
  const { seed, faults, only, forMs, leastTimes = 0, maxRounds, signal, say } = options;
  mkdirSync(options.folder, { recursive: true });
  const stage = new Stage(options);
  const tally = new Tally();
  const failed: { replay: string; text: string }[] = [];
  const chooser = new RoundChooser(faults);
  const until = performance.now() + forMs;
  const names = faults.map(({ name }) => name);
  const goesOn = (): boolean => performance.now() < until || tally.leastOf(names).times < leastTimes;
  try {
    for (let round = 0; round < maxRounds && (round === 0 || goesOn()); round += 1) {
      if (signal?.aborted === true) break;
      // The first round has the seed itself, so that `--rounds 1` with a round's seed is that round.
      const roundSeed = (seed + round * 7919) % 2 ** 31;
      const random = new Random(roundSeed);
      const named = only[round % Math.max(1, only.length)];
      const choice =
        named === undefined
          ? chooser.next(random, stage.standing)
          : namedRound(named, faults, ['single', 'sentinel', 'cluster']);
      const chosen = choice.faults.map((fault) => fault.name).join('+');
      const replay = `--rounds 1 --seed ${roundSeed} --only ${chosen}`;
      const startedAt = performance.now();
      const play = { choice, random: new Random(roundSeed), round, options };
      const result = await stage
        .get(choice.kind)
        .then((site) => playRound(site, play))
        .catch(asError);
      if (result instanceof Error) {
        // A site that could not be healed is of no use for the next round.
        failed.push({ replay, text: result.message });
        say(`round ${round} ${choice.kind} ${chosen}: BROKEN, ${result.message}`);
        await stage.clear();
        continue;
      }
      tally.add(result);
      if (result.history.processes.some(({ unexpectedEnd }) => unexpectedEnd !== null)) await stage.clear();
      const counted = result.violations.filter((violation) => violation.isExcused !== true);
      const lostByRedis = result.violations.length - counted.length;
      const note = lostByRedis === 0 ? '' : ` (${lostByRedis} traces of writes that Redis lost, reported)`;
      const verdict = counted.length === 0 ? `ok${note}` : `${counted.length} VIOLATIONS`;
      say(
        `round ${round} ${choice.kind} ${chosen}: ${verdict}, ${result.fires} fires (${result.required} required), gap ${result.worstGapMs} of ${explainedMs(result)} ms, ${result.backMs === null ? '' : `back after ${result.backMs} ms, `}${result.fencedWrites} fenced, ${Math.round((performance.now() - startedAt) / 1000)} s`,
      );
      if (counted.length === 0) continue;
      const text = describeViolations(result.violations);
      failed.push({ replay, text });
      say(`${text}\nreplay: npm run test:faults -- ${replay} --fires ${options.fires}`);
    }
  } finally {
    await stage.clear();
    writeFileSync(join(options.folder, 'report.md'), `${tally.table()}\n`);
  }
  return { tally, failed };
}

interface Play {
  readonly choice: RoundChoice;
  readonly random: Random;
  readonly round: number;
  readonly options: SuiteOptions;
}

async function playRound(site: FaultSite, { choice, random, round, options }: Play): Promise<RoundResult> {
  const namespace = `round-${round}`;
  const { fires, bounds = DEFAULT_BOUNDS } = options;
  const result = await runRound({ site, namespace, faults: choice.faults, random, fires, bounds });
  if (result.violations.length > 0) await keep(site, { namespace, result, options });
  return result;
}

/** What a failing round leaves behind: the history as the checker saw it, and what each process said during it. */
async function keep(
  site: FaultSite,
  { namespace, result, options }: { namespace: string; result: RoundResult; options: SuiteOptions },
): Promise<void> {
  const folder = join(options.folder, namespace);
  mkdirSync(folder, { recursive: true });
  const asJson = (_: string, value: unknown): unknown =>
    value instanceof Map ? Object.fromEntries(value) : value instanceof Set ? [...value] : value;
  writeFileSync(join(folder, 'history.json'), JSON.stringify(result.history, asJson));
  writeFileSync(join(folder, 'violations.json'), JSON.stringify(result.violations, null, 1));
  for (const member of site.members) {
    const text = await readFile(member.spec.logFile, 'utf8');
    const from = text.lastIndexOf(`round ${namespace}:`);
    writeFileSync(join(folder, `${member.name}.log`), text.slice(Math.max(0, from - 60)));
  }
}

/** How long a gap the faults of the round explain together. */
function explainedMs({ faults }: RoundResult): number {
  return faults.reduce((sum, fault) => sum + fault.boundMs, 0);
}

/** The append-only file is not rewritten: Redis would take ever longer to read it at its start. */
export const ROUNDS_OF_A_SITE = 15;

/** Has room for one site and its ensemble. */
class Stage {
  readonly #options: SuiteOptions;
  #zookeeper: ZooKeeperEnsemble | null = null;
  #site: FaultSite | null = null;
  #rounds = 0;

  constructor(options: SuiteOptions) {
    this.#options = options;
  }

  /** What stands and is good for one more round. */
  get standing(): SiteKind | null {
    return this.#rounds < ROUNDS_OF_A_SITE ? (this.#site?.redis.kind ?? null) : null;
  }

  /** The site for one more round: the one that stands, or a new one in its place. */
  async get(kind: SiteKind): Promise<FaultSite> {
    const site = this.standing === kind && this.#site !== null ? this.#site : await this.#build(kind);
    this.#rounds += 1;
    return site;
  }

  async clear(): Promise<void> {
    const [site, zookeeper] = [this.#site, this.#zookeeper];
    [this.#site, this.#zookeeper, this.#rounds] = [null, null, 0];
    await site?.close();
    await zookeeper?.stop();
  }

  async #build(kind: SiteKind): Promise<FaultSite> {
    await this.clear();
    const { build, folder, withHosts = false } = this.#options;
    this.#zookeeper = await startZooKeeper({ size: 3, tickTimeMs: 200 });
    const redis = await SITES[kind]();
    const place = { build, folder: join(folder, kind), withHosts, zookeeper: this.#zookeeper };
    this.#site = await FaultSite.start(redis, place);
    return this.#site;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
