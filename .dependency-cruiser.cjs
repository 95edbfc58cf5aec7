/** The import matrix of the architecture (docs/architecture.md): what may know about what. */
const part = (name) => `^src/${name}/`;
const module_ = '\\.module\\.ts$';

/** A part may import only itself and the parts listed. */
const only = (name, allowed, extra = {}) => ({
  name: `${name}-imports`,
  severity: 'error',
  from: { path: part(name), pathNot: [module_, ...(extra.pathNot ?? [])] },
  to: { path: '^src/', pathNot: [part(name), ...allowed] },
});

const domain = part('domain');
const runtime = part('runtime');
const ports = '^src/store/[^/]+\\.ts$';
const leaderPort = '^src/leader/(leader-elector|leadership-term|shard-checkpoints)\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    only('domain', []),
    only('runtime', []),
    {
      name: 'store-ports',
      severity: 'error',
      from: { path: ports },
      to: { path: '^src/', pathNot: [domain, runtime, ports] },
    },
    {
      name: 'store-memory',
      severity: 'error',
      from: { path: '^src/store/memory/' },
      to: { path: '^src/', pathNot: [domain, runtime, ports, '^src/store/memory/'] },
    },
    {
      name: 'store-redis',
      severity: 'error',
      from: { path: '^src/store/redis/' },
      to: { path: '^src/', pathNot: [domain, runtime, ports, '^src/store/redis/'] },
    },
    only('leader', [domain, runtime]),
    only('scheduler', [domain, runtime, ports, leaderPort]),
    only('workers', [domain, runtime, ports]),
    only('api', [
      domain,
      runtime,
      ports,
      '^src/client/[^/]+\\.ts$',
      '^src/comet/(mailbox|message|message-sender|tickets|gate)\\.ts$',
      '^src/reminders/reminders\\.service\\.ts$',
    ]),
    only('comet', [domain, runtime, ports], { pathNot: ['^src/comet/redis/'] }),
    {
      name: 'comet-redis',
      severity: 'error',
      from: { path: '^src/comet/redis/' },
      to: { path: '^src/', pathNot: [domain, runtime, ports, part('comet'), '^src/store/redis/'] },
    },
    only('reminders', [domain, runtime, ports, '^src/client/[^/]+\\.ts$']),
    only('client', [
      domain,
      runtime,
      ports,
      part('workers'),
      '^src/store/(redis/redis-stores|memory/memory-stores)\\.ts$',
    ]),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'types'] },
  },
};
