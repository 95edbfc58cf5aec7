// npm run build
import { build, ensureDependencies, requireNode } from './prepare.mjs';

requireNode();
ensureDependencies();
build();
