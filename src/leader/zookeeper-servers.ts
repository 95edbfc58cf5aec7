import { ConfigError } from '../domain/errors.js';

const DEFAULT_PORT = 2181;

/**
 * The servers of a ZooKeeper address such as `zk1:2181,zk2:2181`, each as `host:port`. Errors: `ConfigError` for an
 * empty list, a bad port, a path behind the servers (everything lives below `/cloudjob` anyway) and an IPv6
 * literal, which the client library would take apart at its colons: give such a server a host name.
 */
export function parseZooKeeperServers(text: string): readonly string[] {
  if (text.includes('/')) throw refused(text, 'a path behind the servers is not supported');
  const servers = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => parseServer(text, item));
  if (servers.length === 0) throw refused(text, 'at least one server is needed');
  return servers;
}

function parseServer(text: string, item: string): string {
  const [host = '', port = String(DEFAULT_PORT), ...more] = item.split(':');
  if (more.length > 0 || host.startsWith('[')) {
    throw refused(text, `"${item}" is an IPv6 literal, which is not supported; use a host name`);
  }
  const isPort = /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535;
  if (host === '' || !isPort) throw refused(text, `"${item}" is not of the form host:port`);
  return `${host}:${port}`;
}

function refused(text: string, why: string): ConfigError {
  return new ConfigError(`ZooKeeper address: ${why}`, { address: text });
}
