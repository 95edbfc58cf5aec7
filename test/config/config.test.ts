import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfig, SETTINGS } from '../../src/config.js';

const key = 'k3y-0123456789abcdefghijklmnopqrst';

describe('readConfig', () => {
  it('is standalone on loopback when nothing is given', () => {
    const config = readConfig([], {});
    expect(config).toMatchObject({
      redis: null,
      zookeeper: null,
      apiKey: null,
      host: '127.0.0.1',
      port: 7300,
      cluster: 'default',
    });
    expect(config.roles).toEqual(['scheduler', 'worker', 'api', 'comet']);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('prefers flags over the environment', () => {
    expect(readConfig(['--port', '8000'], { CLOUDJOB_PORT: '9000' }).port).toBe(8000);
    expect(readConfig([], { CLOUDJOB_PORT: '9000' }).port).toBe(9000);
  });

  it.each([
    [['--port', '99999'], {}, /--port \(CLOUDJOB_PORT\).*0 to 65535/],
    [['--roles', 'boss'], {}, /--roles.*scheduler, worker, api, comet/],
    [['--roles', 'worker'], {}, /--roles.*without Redis/],
    [['--zookeeper', '127.0.0.1:2181'], {}, /--redis.*ZooKeeper/],
    [['--redis', 'redis://127.0.0.1'], {}, /CLOUDJOB_API_KEY is required/],
    [[], { CLOUDJOB_API_KEY: 'secret' }, /CLOUDJOB_API_KEY is too easy to guess/],
    [[], { CLOUDJOB_API_KEY: 'a'.repeat(40) }, /CLOUDJOB_API_KEY is too easy to guess/],
    [['--cluster', 'a b'], {}, /--cluster/],
    [[], { CLOUDJOB_OPEN_METRICS: 'yes' }, /CLOUDJOB_OPEN_METRICS.*true or false/],
    [['--nonsense', '1'], {}, /--nonsense/],
  ])('refuses %j %j and names the setting', (args, env, message) => {
    expect(() => readConfig(args, env)).toThrow(message);
  });

  it('accepts a cluster node', () => {
    const config = readConfig(['--roles', 'worker,scheduler', '--redis', 'redis://127.0.0.1:6379'], {
      CLOUDJOB_API_KEY: key,
    });
    expect(config.roles).toEqual(['scheduler', 'worker']);
  });

  it('has every setting in docs/config.md, with its default', () => {
    const page = readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| `CLOUDJOB_'));
    const documented = rows.map((row) =>
      row
        .split('|')
        .slice(1, 4)
        .map((cell) => cell.trim()),
    );
    const actual = Object.values(SETTINGS).map((setting) => [
      `\`${setting.env}\``,
      'flag' in setting ? `\`--${setting.flag}\`` : '',
      setting.default === '' ? '' : `\`${setting.default}\``,
    ]);
    expect(documented).toEqual(actual);
  });
});
