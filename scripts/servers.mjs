// Starts real Redis and ZooKeeper servers as child processes on free loopback ports, each with its own
// temporary data folder, and stops them by the process they were started as. Used by the tests and by
// `npm run cluster`. No dependencies: runs before anything is installed.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LOOPBACK = '127.0.0.1';
const ZOOKEEPER_JARS = ['/usr/share/java/zookeeper.jar', '/usr/share/java/slf4j-simple.jar'];

/** Where Debian puts a program; `PATH` of a service user often lacks /usr/sbin and the like. */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/bin', '/usr/sbin', '/usr/local/bin'];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** What is missing of the Debian packages that real servers come from. */
export function missingPackages({ redis = true, zookeeper = true, browser = false, quartz = false } = {}) {
  const missing = [];
  if (redis && findProgram('redis-server') === undefined) missing.push('redis-server');
  if (zookeeper && (!ZOOKEEPER_JARS.every((jar) => existsSync(jar)) || findProgram('java') === undefined))
    missing.push('zookeeper');
  if (browser && findProgram('chromium') === undefined) missing.push('chromium');
  // Real Quartz, for the differential tests of cron expressions; javac comes with the JDK.
  if (quartz && !existsSync('/usr/share/java/quartz2.jar')) missing.push('libquartz2-java');
  if (quartz && findProgram('javac') === undefined) missing.push('default-jdk-headless');
  return missing;
}

// Below the ports that Linux gives to outgoing connections: a server that is started again on its port must
// not find it taken by somebody's connection. Above those that browsers refuse.
const FIRST_PORT = 11_000;
const PORTS_END = 32_768;
const givenPorts = new Set();

/** `count` loopback ports on which nobody listens; none is given twice by this process. */
export async function freePorts(count) {
  const ports = [];
  while (ports.length < count) {
    const port = randomInt(FIRST_PORT, PORTS_END);
    if (givenPorts.has(port) || !(await isFree(port))) continue;
    givenPorts.add(port);
    ports.push(port);
  }
  return ports;
}

async function isFree(port) {
  const server = createServer().listen(port, LOOPBACK);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error.code === 'EADDRINUSE') return false;
    throw error;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Asks `question` over TCP until `isReady(answer)`; rejects after `timeoutMs` or when the child ends. */
async function untilReady(child, port, question, isReady, timeoutMs, describe) {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${describe()} ended while starting`);
    const answer = await ask(port, question).catch(() => '');
    if (isReady(answer)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${describe()} was not ready after ${timeoutMs} ms`);
}

function ask(port, question) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: LOOPBACK }, () => socket.write(question));
    let answer = '';
    socket.setTimeout(1000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => {
      answer += chunk;
      if (question.startsWith('PING')) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

class ServerProcess {
  constructor(name, command, args, folder) {
    this.name = name;
    this.folder = folder;
    this.command = command;
    this.args = args;
  }

  launch() {
    // A process group of its own, where asked for: Ctrl-C must not end the servers before their clients.
    this.child = spawn(this.command, this.args, {
      stdio: 'ignore',
      cwd: this.folder,
      detached: this.detached === true,
    });
    this.child.on('error', () => undefined);
    this.exited = once(this.child, 'exit').catch(() => undefined);
  }

  get pid() {
    return this.child.pid;
  }

  signal(signal) {
    this.child.kill(signal);
  }

  async kill(signal = 'SIGKILL') {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGCONT');
      this.child.kill(signal);
      await this.exited;
    }
  }

  /** Ends the process and deletes its data. */
  async stop() {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

export class RedisServer extends ServerProcess {
  constructor(port, folder, extraArgs) {
    const args = [
      '--port',
      port,
      '--bind',
      LOOPBACK,
      '--dir',
      folder,
      '--logfile',
      join(folder, 'redis.log'),
      ...extraArgs,
    ];
    super(`redis-server on port ${port}`, findProgram('redis-server'), args.map(String), folder);
    this.port = port;
    this.url = `redis://${LOOPBACK}:${port}`;
  }

  /** Starts the process (again, after `kill`) and waits until it answers. */
  async start() {
    this.launch();
    await untilReady(
      this.child,
      this.port,
      'PING\r\n',
      (answer) => answer.startsWith('+PONG'),
      10_000,
      () => this.name,
    );
  }
}

/**
 * A Redis with append-only file unless told otherwise. `folder` keeps the data of an earlier run. Where a test kills
 * it and relies on what was acknowledged, `fsync` is `always`: while the disk is slow, `everysec` answers first and
 * writes later.
 */
export async function startRedis({
  appendOnly = true,
  fsync = 'everysec',
  args = [],
  folder,
  port,
  detached = false,
} = {}) {
  const dir = folder ?? (await mkdtemp(join(tmpdir(), 'cloudjob-redis-')));
  await mkdir(dir, { recursive: true });
  const persistence = appendOnly ? ['--appendonly', 'yes', '--appendfsync', fsync] : ['--appendonly', 'no'];
  const server = new RedisServer(port ?? (await freePorts(1))[0], dir, [
    '--save',
    '',
    ...persistence,
    '--maxmemory-policy',
    'noeviction',
    ...args,
  ]);
  server.detached = detached;
  await server.start();
  return server;
}

/** A Sentinel. It keeps what it learns in the `sentinel.conf` of its folder, which must be there. */
export class SentinelServer extends RedisServer {
  constructor(port, folder) {
    super(port, folder, []);
    this.name = `redis-sentinel on port ${port}`;
    this.args = [join(folder, 'sentinel.conf'), '--sentinel'];
  }
}

export class ZooKeeperServer extends ServerProcess {
  constructor(clientPort, folder) {
    const args = [
      '-Xmx192m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Xshare:auto',
      '-Dzookeeper.forceSync=no',
    ];
    args.push('-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', ZOOKEEPER_JARS.join(':'));
    args.push('org.apache.zookeeper.server.quorum.QuorumPeerMain', join(folder, 'zoo.cfg'));
    super(`zookeeper on port ${clientPort}`, findProgram('java'), args, folder);
    this.port = clientPort;
  }

  async start() {
    this.launch();
    await this.untilServing();
  }

  async untilServing(timeoutMs = 20_000) {
    await untilReady(
      this.child,
      this.port,
      'srvr',
      (answer) => answer.includes('Mode:'),
      timeoutMs,
      () => this.name,
    );
  }

  /** Until it keeps up with what it is asked. One whose ensemble commits nothing serves, and answers nobody. */
  async untilWorking(timeoutMs = 5000) {
    const keepsUp = (answer) => /^Outstanding: 0$/m.test(answer);
    await untilReady(this.child, this.port, 'srvr', keepsUp, timeoutMs, () => this.name);
  }
}

/** One server, or an ensemble of `size`. `connectString` is what clients take. */
export async function startZooKeeper({ size = 1, tickTimeMs = 200, folder, detached = false } = {}) {
  const base = folder ?? (await mkdtemp(join(tmpdir(), 'cloudjob-zookeeper-')));
  const ports = await freePorts(size * 3);
  const members = Array.from({ length: size }, (_, i) => ports.slice(i * 3, i * 3 + 3));
  const servers = [];
  for (const [index, [clientPort]] of members.entries()) {
    const dir = join(base, `server-${index + 1}`);
    await mkdir(dir, { recursive: true });
    const lines = [
      `tickTime=${tickTimeMs}`,
      `dataDir=${dir}`,
      `clientPort=${clientPort}`,
      `clientPortAddress=${LOOPBACK}`,
      'admin.enableServer=false',
      '4lw.commands.whitelist=ruok,srvr,mntr,cons,dump',
      `minSessionTimeout=${2 * tickTimeMs}`,
      'maxSessionTimeout=60000',
      'maxClientCnxns=0',
    ];
    if (size > 1) {
      lines.push('initLimit=50', 'syncLimit=10');
      members.forEach(([, peer, election], i) => lines.push(`server.${i + 1}=${LOOPBACK}:${peer}:${election}`));
      await writeFile(join(dir, 'myid'), String(index + 1));
    }
    await writeFile(join(dir, 'zoo.cfg'), `${lines.join('\n')}\n`);
    servers.push(Object.assign(new ZooKeeperServer(clientPort, dir), { detached }));
  }
  servers.forEach((server) => server.launch());
  await Promise.all(servers.map((server) => server.untilServing(30_000)));
  return {
    servers,
    connectString: servers.map((server) => `${LOOPBACK}:${server.port}`).join(','),
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
      await rm(base, { recursive: true, force: true });
    },
  };
}
