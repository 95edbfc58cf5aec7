import { describe, expect, it } from 'vitest';
import { Service } from '../../src/runtime/service.js';
import { ServiceGroup } from '../../src/runtime/service-group.js';

class Part extends Service {
  readonly name: string;
  readonly #log: string[];
  readonly #failing: 'start' | 'stop' | undefined;

  constructor(name: string, log: string[], failing?: 'start' | 'stop') {
    super();
    this.name = name;
    this.#log = log;
    this.#failing = failing;
  }

  protected async onStart(): Promise<void> {
    await Promise.resolve();
    this.#log.push(`+${this.name}`);
    if (this.#failing === 'start') throw new Error(`${this.name} cannot start`);
  }

  protected async onStop(): Promise<void> {
    await Promise.resolve();
    this.#log.push(`-${this.name}`);
    if (this.#failing === 'stop') throw new Error(`${this.name} cannot stop`);
  }
}

describe('Service', () => {
  it('starts once and stops once, however often it is asked', async () => {
    const log: string[] = [];
    const part = new Part('a', log);
    await Promise.all([part.start(), part.start()]);
    expect(part.state).toBe('running');
    await Promise.all([part.stop(), part.stop()]);
    expect(part.state).toBe('stopped');
    expect(log).toEqual(['+a', '-a']);
  });

  it('may be stopped before it was started, and then does not start', async () => {
    const log: string[] = [];
    const part = new Part('a', log);
    await part.stop();
    expect(part.state).toBe('stopped');
    await expect(part.start()).rejects.toThrow('stopped before it was started');
    expect(log).toEqual([]);
  });

  it('closes what a failed start has opened, and is failed for good', async () => {
    const log: string[] = [];
    const part = new Part('a', log, 'start');
    await expect(part.start()).rejects.toThrow('a cannot start');
    expect(part.state).toBe('failed');
    await part.stop();
    expect(log).toEqual(['+a', '-a']);
  });

  it('that is stopped while starting ends stopped, with everything closed', async () => {
    const log: string[] = [];
    const part = new Part('a', log);
    const started = part.start();
    await part.stop();
    await started;
    expect(part.state).toBe('stopped');
    expect(log).toEqual(['+a', '-a']);
    expect(part.describe()).toEqual({ name: 'a', state: 'stopped', ready: false });
  });
});

describe('ServiceGroup', () => {
  it('starts in order and stops in reverse', async () => {
    const log: string[] = [];
    const group = new ServiceGroup('all', [new Part('a', log), new Part('b', log)]);
    await group.start();
    await group.stop();
    expect(log).toEqual(['+a', '+b', '-b', '-a']);
  });

  it('stops what had started when a later member cannot start', async () => {
    const log: string[] = [];
    const group = new ServiceGroup('all', [new Part('a', log), new Part('b', log, 'start'), new Part('c', log)]);
    await expect(group.start()).rejects.toThrow('b cannot start');
    expect(log).toEqual(['+a', '+b', '-b', '-a']);
    expect(group.members.map((member) => member.state)).toEqual(['stopped', 'failed', 'stopped']);
  });

  it('stops every member even if one fails to, and reports that one', async () => {
    const log: string[] = [];
    const group = new ServiceGroup('all', [new Part('a', log), new Part('b', log, 'stop')]);
    await group.start();
    await expect(group.stop()).rejects.toMatchObject({
      errors: [expect.objectContaining({ message: 'b cannot stop' })],
    });
    expect(log).toEqual(['+a', '+b', '-b', '-a']);
  });
});
