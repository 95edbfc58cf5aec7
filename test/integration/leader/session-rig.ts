import { ZooKeeperSession, type SessionListener } from '../../../src/leader/zookeeper-session.js';
import type { ZooKeeperClient } from '../../../src/leader/zookeeper-client.js';
import type { Clock } from '../../../src/runtime/clock.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { eventually, RecordingProbe } from '../../support/wait.js';

export interface SessionEvent {
  readonly event: string;
  readonly at: number;
}

export interface RigOptions {
  readonly auth?: string;
  readonly clock?: Clock;
}

/** A session whose events are written down with their monotonic instants. */
export class SessionRig {
  readonly probe = new RecordingProbe();
  readonly session: ZooKeeperSession;
  readonly events: SessionEvent[] = [];

  constructor(servers: string, sessionTimeoutMs = 1200, { auth, clock = systemClock }: RigOptions = {}) {
    const note = (event: string): void => void this.events.push({ event, at: performance.now() });
    const listener: SessionListener = {
      connected: (resumed) => note(resumed ? 'resumed' : 'connected'),
      disconnected: () => note('disconnected'),
      expired: () => note('expired'),
      changed: (path) => note(`changed ${path}`),
    };
    this.session = new ZooKeeperSession(
      { clock, logger: silentLogger, probe: this.probe, listener },
      { servers, sessionTimeoutMs, heartbeatPath: '/heartbeat', auth },
    );
  }

  get names(): readonly string[] {
    return this.events.map(({ event }) => event);
  }

  get client(): ZooKeeperClient {
    if (this.session.client === undefined) throw new Error('not connected');
    return this.session.client;
  }

  /** Waits for the number `count` of this event and tells when it came. */
  async seen(event: string, count = 1, timeoutMs = 10_000): Promise<number> {
    const find = (): SessionEvent | undefined => this.events.filter((entry) => entry.event === event)[count - 1];
    return (await eventually(`session event ${event}`, find, { timeoutMs, everyMs: 5 })).at;
  }

  /** Instant at which the last answered heartbeat was sent. */
  lastHeartbeat(): number {
    return Number(this.probe.moments.findLast(({ moment }) => moment === 'heartbeat-answered')?.facts['sentAt']);
  }
}
