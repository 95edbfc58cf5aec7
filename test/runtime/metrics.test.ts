import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../src/runtime/metrics.js';

interface Series {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

function declaredSeries(): string[][] {
  const series = new Metrics().registry.getMetricsAsArray() as unknown as (Series & { type?: string })[];
  return series.map((metric) => [
    `\`${metric.name}\``,
    metric.constructor.name.toLowerCase(),
    metric.labelNames.map((label) => `\`${label}\``).join(', '),
    metric.help,
  ]);
}

describe('Metrics', () => {
  it('are all listed in docs/operations.md, and nothing else is', () => {
    const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const table = page.slice(page.indexOf('## Metrics')).split('\n');
    const rows = table.filter((line) => line.startsWith('| `cloudjob_'));
    const documented = rows.map((row) =>
      row
        .split('|')
        .slice(1, 5)
        .map((cell) => cell.trim()),
    );
    expect(documented).toEqual(declaredSeries());
  });

  it('expose text that Prometheus reads, with values', async () => {
    const metrics = new Metrics();
    metrics.fires.inc({ outcome: 'fired' }, 3);
    expect(await metrics.expose()).toContain('cloudjob_fires_total{outcome="fired"} 3');
  });
});
