import { MemoryMailbox } from '../../src/comet/memory/memory-mailbox.js';
import { ManualClock } from '../support/manual-clock.js';
import { describeMailbox } from './mailbox-contract.js';

describeMailbox('memory', async (limits) => {
  const clock = new ManualClock();
  return { mailbox: new MemoryMailbox({ clock }, limits), pass: (ms) => clock.advance(ms) };
});
