import { describe, expect, it } from 'vitest';
import { epochOf } from '../../src/domain/shard.js';
import type { LeadershipTerm } from '../../src/leader/leadership-term.js';
import { TermRegister } from '../../src/leader/term-register.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { RecordingProbe } from '../support/wait.js';

function setup() {
  const metrics = new Metrics();
  const endedByHolder: number[] = [];
  const register = new TermRegister(
    {
      logger: silentLogger,
      metrics,
      probe: new RecordingProbe(),
      onHolderEnd: (term) => endedByHolder.push(term.shard),
    },
    { member: 'a' },
  );
  const announced: LeadershipTerm[] = [];
  register.onTerm((term) => announced.push(term));
  const values = async (metric: 'leading' | 'epoch' | 'termsEnded') => (await metrics[metric].get()).values;
  return { register, announced, endedByHolder, values };
}

describe('TermRegister', () => {
  it('announces a term after it can be seen, once', () => {
    const { register, announced } = setup();
    let seen: LeadershipTerm | undefined;
    register.onTerm((term) => {
      seen = register.current.get(term.shard);
      announced.push(term);
    });
    register.open(3, epochOf(7), () => true);
    expect(announced).toEqual([seen]);
    expect(seen).toMatchObject({ shard: 3, epoch: 7, member: 'a' });
  });

  it('tells an end by the holder from one by the elector, and ends each term once', () => {
    const { register, announced, endedByHolder } = setup();
    register.open(0, epochOf(1), () => true);
    register.open(1, epochOf(1), () => true);
    register.end(0, 'disconnected');
    announced[1]?.end('fenced');
    announced[1]?.end('resigned');
    register.end(1, 'expired');
    expect(announced.map(({ ended }) => ended.reason as string)).toEqual(['disconnected', 'fenced']);
    expect(endedByHolder).toEqual([1]);
    expect(register.current.size).toBe(0);
  });

  it('leaves a later term of the shard alone when the holder of an earlier one ends that', () => {
    const { register, announced } = setup();
    register.open(0, epochOf(1), () => true);
    register.end(0, 'disconnected');
    register.open(0, epochOf(2), () => true);
    announced[0]?.end('fenced');
    expect(register.current.get(0)).toBe(announced[1]);
    expect(announced[1]?.isTrusted()).toBe(true);
  });

  it('trusts a term only as long as the election does', () => {
    const { register, announced } = setup();
    let isTrusted = true;
    register.open(0, epochOf(1), () => isTrusted);
    expect(announced[0]?.isTrusted()).toBe(true);
    isTrusted = false;
    expect(announced[0]?.isTrusted()).toBe(false);
    expect(announced[0]?.ended.aborted).toBe(false);
  });

  it('counts what is led and why terms ended', async () => {
    const { register, values } = setup();
    register.open(0, epochOf(4), () => true);
    register.open(1, epochOf(5), () => true);
    register.end(1, 'lost');
    expect(await values('leading')).toEqual([{ labels: {}, value: 1 }]);
    expect(await values('epoch')).toEqual([{ labels: { shard: '0' }, value: 4 }]);
    expect(await values('termsEnded')).toEqual([{ labels: { reason: 'lost' }, value: 1 }]);
  });

  it('opens nothing after it was closed', () => {
    const { register, announced } = setup();
    register.open(0, epochOf(1), () => true);
    register.close();
    register.open(1, epochOf(1), () => true);
    expect(announced.map(({ ended }) => ended.reason as string)).toEqual(['stopping']);
    expect(register.current.size).toBe(0);
  });
});
