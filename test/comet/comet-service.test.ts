import { MemoryMailbox } from '../../src/comet/memory/memory-mailbox.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { MemoryNodeRegistry } from '../../src/store/memory/memory-node-registry.js';
import { describeComet, SCENARIO_LIMITS } from './comet-scenarios.js';

describeComet('memory', async () => {
  const mailbox = new MemoryMailbox({ clock: systemClock }, SCENARIO_LIMITS);
  return {
    registry: new MemoryNodeRegistry({ clock: systemClock }),
    mailbox: () => mailbox,
    close: () => Promise.resolve(),
  };
});
