import type { Epoch, ShardId } from '../../domain/shard.js';
import type { TriggerKey } from '../../domain/trigger.js';
import { FINISHED_TRIGGER_MS } from '../execution-store.js';
import type { DueChange, Planning, PlanningStore, TriggerScan } from '../planning-store.js';
import type { RedisConnection } from './connection.js';
import { runFenced } from './fenced-script.js';
import type { RedisLayout } from './redis-layout.js';
import type { ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';
import { CALENDARS_PART, decodeTrigger } from './trigger-codec.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly scripts: ScriptRunner<ScriptName>;
  readonly layout: RedisLayout;
}

/** Triggers looked at in one step: about a millisecond of Redis. */
const SCAN_STEP = 1000;

export class RedisPlanningStore implements PlanningStore {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async readPlanning(shard: ShardId): Promise<Planning | null> {
    const { connection, layout } = this.#deps;
    const text = await connection.send('HGET', [layout.keys(shard).fence, 'plannedWith']);
    const [, calendars, tz] = /^(\d+) (.*)$/.exec(String(text)) ?? [];
    return calendars === undefined || tz === undefined ? null : { tz, calendars: Number(calendars) };
  }

  async recordPlanning(shard: ShardId, epoch: Epoch, { tz, calendars }: Planning): Promise<void> {
    await runFenced(this.#deps, 'record_planning', {
      shard,
      epoch,
      keys: ['fence'],
      args: [epoch, `${calendars} ${tz}`],
    });
  }

  async scanTriggers(
    shard: ShardId,
    { cursor, withCalendars }: { readonly cursor: string | null; readonly withCalendars: boolean },
  ): Promise<TriggerScan> {
    const { layout, scripts } = this.#deps;
    const { triggers, due } = layout.keys(shard);
    const args = [cursor ?? '0', SCAN_STEP, withCalendars ? CALENDARS_PART : ''];
    const [next, found] = (await scripts.run('scan_triggers', [triggers, due], args)) as [string, string[]];
    const scanned: TriggerScan['triggers'][number][] = [];
    for (let i = 0; i < found.length; i += 3) {
      const dueAt = found[i + 2] === '' ? null : Number(found[i + 2]);
      scanned.push(decodeTrigger(shard, found[i] as TriggerKey, String(found[i + 1]), dueAt));
    }
    // The part may also stand in the data of a trigger.
    const isWanted = withCalendars ? scanned.filter(({ definition }) => definition.calendars !== undefined) : scanned;
    return { triggers: isWanted, nextCursor: next === '0' ? null : next };
  }

  async moveDue(shard: ShardId, epoch: Epoch, changes: readonly DueChange[]): Promise<number> {
    const args = changes.flatMap(({ trigger, expected, dueAt }) => [
      trigger,
      `${expected.version}|${expected.watermark}|`,
      expected.dueAt ?? '',
      dueAt ?? '',
    ]);
    const keys = ['fence', 'triggers', 'due', 'expiry'] as const;
    const [, count] = await runFenced(this.#deps, 'move_due', {
      shard,
      epoch,
      keys,
      args: [epoch, FINISHED_TRIGGER_MS, ...args],
    });
    return Number(count);
  }
}
