// npm run bench [-- SHAPE…]: see docs/benchmarks.md.
import { join } from 'node:path';
import { ensureBuild, ensureDependencies, ensurePackages, requireNode, root, run } from './prepare.mjs';

requireNode();
ensureDependencies();
ensureDependencies(join(root, 'bench'));
ensurePackages({ redis: true, zookeeper: false });
ensureBuild();

const [first, ...rest] = process.argv.slice(2);
const script =
  first === 'next-fire'
    ? ['bench/next-fire.mjs', ...rest]
    : ['bench/run.mjs', ...(first === undefined ? [] : [first]), ...rest];
process.exit(run(process.execPath, script));
