import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { ZkProxy } from './zk-proxy.js';

/** A server that says all of this at once to whoever speaks to it. */
async function speaker(words: Buffer): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(words));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Everything that comes until the connection ends. */
async function heard(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1', () => socket.write(frame('go')));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

function frame(text: string): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(text.length);
  return Buffer.concat([size, Buffer.from(text)]);
}

it('lets nothing follow half a frame of ZooKeeper', async () => {
  const frames = ['handshake', 'torn frame', 'next frame', 'last frame'].map(frame);
  const proxy = await ZkProxy.start(await speaker(Buffer.concat(frames)));
  onTestFinished(() => proxy.stop());
  proxy.onFrame = () => (proxy.count('down', 'connect') + proxy.count('down', 'unknown') === 2 ? 8 : 'forward');
  expect(await heard(proxy.port)).toBe(
    `${frame('handshake').toString()}${frame('torn frame').subarray(0, 8).toString()}`,
  );
});
