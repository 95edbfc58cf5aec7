// npm run cluster: a real cluster on this machine. Three ZooKeeper, one Redis with append-only file, two
// schedulers, two workers, an API, two comet nodes, on free loopback ports; one line per event; Ctrl-C stops all.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { ensureBuild, ensureDependencies, ensurePackages, requireNode, root, say } from './prepare.mjs';
import { freePorts, startRedis, startZooKeeper } from './servers.mjs';

requireNode();
ensureDependencies();
ensurePackages({ redis: true, zookeeper: true });
ensureBuild();

const MEMBERS = ['scheduler-1', 'scheduler-2', 'worker-1', 'worker-2', 'api', 'comet-1', 'comet-2'];
const apiKey = randomBytes(32).toString('hex');
const started = performance.now();
const line = (text) =>
  process.stdout.write(`${((performance.now() - started) / 1000).toFixed(2).padStart(8)}s  ${text}\n`);

const stops = [];
let stopping = false;
async function stopAll(code) {
  if (stopping) return;
  stopping = true;
  line('stopping');
  for (const stop of stops.reverse()) await stop().catch((error) => say(String(error)));
  line('stopped');
  process.exit(code);
}
process.on('SIGINT', () => void stopAll(0));
process.on('SIGTERM', () => void stopAll(0));

function startMember(name, port, env) {
  const child = spawn(
    process.execPath,
    [join(root, 'dist/main.js'), 'start', '--roles', name.split('-')[0], '--port', String(port)],
    {
      env: { ...process.env, ...env, CLOUDJOB_LOG_LEVEL: process.env.CLOUDJOB_LOG_LEVEL ?? 'warn' },
      stdio: ['ignore', 'pipe', 'inherit'],
      // Its own process group, so that Ctrl-C reaches only this script, which stops the members in order.
      detached: true,
    },
  );
  const exited = new Promise((resolve) => child.on('exit', resolve));
  stops.push(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  void exited.then((code) => {
    if (stopping) return;
    line(`${name} ended with code ${code}`);
    void stopAll(1);
  });
  return new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (!text.includes('ready')) return;
      line(`${name} is ready on port ${port}`);
      resolve();
    });
    void exited.then(resolve);
  });
}

const call = async (base, method, path, body, type = 'application/json') => {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
};

/** Prints one line per cluster event, for as long as the API lives. */
async function follow(base) {
  const response = await fetch(`${base}/v1/events`, { headers: { authorization: `Bearer ${apiKey}` } });
  const lines = createInterface({ input: Readable.fromWeb(response.body) });
  for await (const text of lines) {
    if (!text.startsWith('data:')) continue;
    const { type, at, ...facts } = JSON.parse(text.slice(5));
    const words = Object.entries(facts).map(
      ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    line([type, ...words, `at=${at}`].join(' '));
  }
}

try {
  line('starting three ZooKeeper and one Redis');
  const ensemble = await startZooKeeper({ size: 3, tickTimeMs: 500, detached: true });
  stops.push(() => ensemble.stop());
  const redis = await startRedis({ detached: true });
  stops.push(() => redis.stop());
  line(`ZooKeeper on ${ensemble.connectString}, Redis on 127.0.0.1:${redis.port}`);

  const ports = await freePorts(MEMBERS.length);
  const portOf = Object.fromEntries(MEMBERS.map((name, i) => [name, ports[i]]));
  const base = `http://127.0.0.1:${portOf.api}`;
  const env = {
    CLOUDJOB_REDIS: redis.url,
    CLOUDJOB_ZOOKEEPER: ensemble.connectString,
    CLOUDJOB_CLUSTER: 'local',
    CLOUDJOB_API_KEY: apiKey,
    CLOUDJOB_ORIGINS: base,
  };
  await startMember('api', portOf.api, env);
  const following = follow(base).catch((error) => {
    if (!stopping) say(`events: ${error.message}`);
  });
  await Promise.all(MEMBERS.filter((name) => name !== 'api').map((name) => startMember(name, portOf[name], env)));

  await call(base, 'PUT', '/v1/namespaces/default/jobs/heartbeat', {
    target: {
      type: 'push',
      users: ['demo'],
      message: {
        title: 'The cluster is alive',
        body: 'Sent every five seconds by whichever scheduler leads the shard',
      },
    },
    schedule: { type: 'every', everyMs: 5000 },
  });
  for (const [file, type] of [
    ['calendar.ics', 'text/calendar'],
    ['contacts.vcf', 'text/vcard'],
  ]) {
    await call(
      base,
      'POST',
      '/v1/namespaces/default/users/demo/reminders/import',
      readFileSync(join(root, 'examples/data', file), 'utf8'),
      type,
    );
  }
  line(`open ${base}/#key=${apiKey}   (Ctrl-C stops everything)`);
  await following;
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  await stopAll(1);
}
