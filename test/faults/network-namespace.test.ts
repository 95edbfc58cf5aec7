import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { NetworkNamespace } from '../support/network-namespace.js';
import { eventually } from '../support/wait.js';

/** Sends a byte every 20 ms and says how many it has sent; hears bytes, and says how many. */
const TALKER = `
  const [address, port] = process.argv.slice(1);
  let sent = 0, heard = 0;
  const socket = require('node:net').connect(Number(port), address);
  socket.setNoDelay();
  socket.on('data', (bytes) => { heard += bytes.length; });
  socket.on('close', () => process.exit(3));
  setInterval(() => { socket.write('x'); console.log(++sent, heard); }, 20);`;

const reason = await NetworkNamespace.whyNot();
let child: ChildProcess | undefined;
let server: Server | undefined;
let namespace: NetworkNamespace | undefined;

afterEach(async () => {
  child?.kill('SIGKILL');
  server?.close();
  await namespace?.remove();
  child = server = namespace = undefined;
});

/** A process in a namespace that talks with us: what arrived where. */
async function talk() {
  const made = await NetworkNamespace.create();
  namespace = made;
  const counts = { sent: 0, heardInside: 0, heardOutside: 0, ended: 0 };
  const listening = createServer((socket) => {
    socket.setNoDelay();
    const timer = setInterval(() => socket.write('y'), 20);
    socket.on('data', (bytes) => (counts.heardOutside += bytes.length));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      counts.ended += 1;
    });
  }).listen(0, made.outerAddress);
  server = listening;
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  const talker = spawn(
    ...(made.command(process.execPath, ['-e', TALKER, made.outerAddress, String(port)]) as [string, string[]]),
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  child = talker;
  createInterface({ input: talker.stdout }).on('line', (line) => {
    [counts.sent = 0, counts.heardInside = 0] = line.split(' ').map(Number);
  });
  await eventually('both hear each other', () => counts.heardOutside > 3 && counts.heardInside > 3);
  return { made, counts, talker };
}

describe.runIf(reason === null)('NetworkNamespace', () => {
  it.each([
    ['a cut of both directions', ['up', 'down']],
    ['a cut of what it sends', ['up']],
  ] as const)('%s is silence that ends nothing, and what was sent arrives after it', async (_, directions) => {
    const { made, counts } = await talk();
    await made.lose(...directions);
    const before = counts.heardOutside;
    const sent = counts.sent;
    await eventually('it has sent more', () => counts.sent > sent + 20);
    expect(counts.heardOutside).toBeLessThanOrEqual(before + 1);
    await made.heal();
    await eventually('all of it arrives', () => counts.heardOutside > sent + 20);
    expect(counts.ended).toBe(0);
  });

  it('an unplugged namespace hears nothing until it is plugged in again', async () => {
    const { made, counts } = await talk();
    await made.unplug();
    const sent = counts.sent;
    await eventually('it has sent more', () => counts.sent > sent + 20);
    expect(counts.heardOutside).toBeLessThan(sent + 10);
    await made.heal();
    await eventually('all of it arrives', () => counts.heardOutside > sent + 20);
    expect(counts.ended).toBe(0);
  });

  it('runs a command as the very process that was started, so that signals reach it', async () => {
    const { talker } = await talk();
    talker.kill('SIGTERM');
    const [code, signal] = (await once(talker, 'exit')) as [number | null, string | null];
    expect([code, signal]).toEqual([null, 'SIGTERM']);
  });
});

it('says in a sentence why there can be no namespaces, if there cannot', () => {
  if (reason !== null) expect(reason).toMatch(/\w+ .*\w+/);
  else expect(process.getuid?.()).toBe(0);
});
