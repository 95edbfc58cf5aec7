import { setImmediate as realTurn } from 'node:timers';
import { Random } from '../faults/random.js';
import { EventQueue, type QueuedEvent } from './event-queue.js';
import { withSeededGlobals } from './seeded-globals.js';
import type { SimProcess } from './sim-process.js';

export interface SimEvent extends QueuedEvent {
  /** Whose event loop it belongs to; null = the world outside (network, faults). */
  readonly owner: SimProcess | null;
  /** Set by the owner's clock: after a pause timers come before what arrived. */
  isTimer: boolean;
}

/** Real time that a slice may take before the real event loop gets a turn. */
const SLICE_EVENTS = 50_000;
const LOG_LENGTH = 400;

/** Node's own way of running all microtasks that are due, between two callbacks of the event loop. */
const runMicrotasks = (process as unknown as { _tickCallback(): void })._tickCallback;

/**
 * One world with one time, one queue and one source of chance. Events run one after another, in order of their
 * instants; whatever promises they settle runs to its next wait before the next event. Nothing else moves
 * time, so a seed stands for exactly one run; `digest` tells runs apart.
 */
export class Simulation {
  readonly random: Random;
  /** Of the code under simulation, apart from that of the faults: a retry more does not change what befalls it. */
  readonly #codeRandom: Random;
  readonly #queue = new EventQueue<SimEvent>();
  readonly #log: { readonly at: number; readonly text: () => string }[] = [];
  #now = 0;
  #order = 0;
  #uuidCount = 0;
  #eventCount = 0;
  #digest = 0x811c9dc5;
  #current: SimProcess | null = null;
  #failure: Error | null = null;

  constructor(readonly seed: number) {
    this.random = new Random(seed);
    this.#codeRandom = new Random(seed ^ 0x5bd1e995);
  }

  /** True time in ms since the beginning; no process sees it undistorted. */
  get now(): number {
    return this.#now;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  get digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, '0');
  }

  get failure(): Error | null {
    return this.#failure;
  }

  /** The event does not run when its owner has died by then; while its owner stands still it waits. */
  schedule(delayMs: number, owner: SimProcess | null, run: () => void): SimEvent {
    const event: SimEvent = { at: this.#now + delayMs, order: this.#order++, owner, run, isTimer: false };
    this.#queue.push(event);
    return event;
  }

  /** Ends the run: what is promised does not hold. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** A line for people, made only when somebody reads the log. */
  note(text: () => string): void {
    this.#log.push({ at: this.#now, text });
    if (this.#log.length > 2 * LOG_LENGTH) this.#log.splice(0, LOG_LENGTH);
  }

  /** The last lines. */
  log(): readonly string[] {
    return this.#log.slice(-LOG_LENGTH).map(({ at, text }) => `${describeTime(at)} ${text()}`);
  }

  /** Goes on until this instant, or until something failed. */
  async runUntil(at: number): Promise<void> {
    while (this.#failure === null && (this.#queue.first()?.at ?? Infinity) <= at) {
      await new Promise<void>((resolve) => realTurn(() => resolve(this.#slice(at))));
    }
    this.#now = Math.max(this.#now, at);
  }

  /** Called from the event loop itself, never from a promise: microtasks would not run inside microtasks. */
  #slice(until: number): void {
    const defer = (fn: () => void): void => void this.schedule(0, this.#current, fn);
    const uuid = () => this.#nextUuid();
    withSeededGlobals({ random: this.#codeRandom, uuid, defer }, () => {
      for (let count = 0; count < SLICE_EVENTS && this.#failure === null; count++) {
        const event = this.#queue.first();
        if (event === undefined || event.at > until) return;
        this.#queue.pop();
        this.#execute(event);
      }
    });
  }

  /** Unlike every other: counted, behind a random part. */
  #nextUuid(): `${string}-${string}-${string}-${string}-${string}` {
    const part = Math.floor(this.#codeRandom.next() * 0x1_0000_0000).toString(16);
    return `${part}-0000-4000-8000-${(this.#uuidCount++).toString(16)}`;
  }

  #execute(event: SimEvent): void {
    const { owner, run } = event;
    if (run === null || owner?.isAlive === false) return;
    if (owner?.isPaused === true) {
      owner.holdBack(event);
      return;
    }
    this.#now = Math.max(this.#now, event.at);
    this.#eventCount += 1;
    this.#digest = Math.imul(this.#digest ^ event.order ^ Math.floor(event.at * 1024), 0x01000193);
    this.#current = owner;
    try {
      run();
      runMicrotasks();
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
    this.#current = null;
  }
}

export function describeTime(at: number): string {
  const seconds = Math.floor(at / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const ms = (at % 1000).toFixed(2).padStart(6, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${ms}`;
}
