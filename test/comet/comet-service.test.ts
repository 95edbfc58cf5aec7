import { expect, it } from 'vitest';
import { MemoryMailbox } from '../../src/comet/memory/memory-mailbox.js';
import { StoreUnavailableError } from '../../src/domain/errors.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { MemoryNodeRegistry } from '../../src/store/memory/memory-node-registry.js';
import { describeComet, SCENARIO_LIMITS } from './comet-scenarios.js';
import { startCometNode } from './support/comet-node.js';

describeComet('memory', async () => {
  const mailbox = new MemoryMailbox({ clock: systemClock }, SCENARIO_LIMITS);
  return {
    registry: new MemoryNodeRegistry({ clock: systemClock }),
    mailbox: () => mailbox,
    close: () => Promise.resolve(),
  };
});

/** Its first subscription finds the store away. */
class LateMailbox extends MemoryMailbox {
  subscriptions = 0;

  override async subscribe(...args: Parameters<MemoryMailbox['subscribe']>) {
    this.subscriptions += 1;
    if (this.subscriptions === 1) throw new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', 'away');
    return await super.subscribe(...args);
  }
}

it('starts although it cannot subscribe to what is sent to its users at first', async () => {
  const mailbox = new LateMailbox({ clock: systemClock });
  const node = await startCometNode({ mailbox, registry: new MemoryNodeRegistry({ clock: systemClock }) });
  expect([node.service.state, mailbox.subscriptions]).toEqual(['running', 2]);
  await node.stop();
});
