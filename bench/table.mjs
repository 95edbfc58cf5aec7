// One Markdown table: medians over the rounds, their spread, and the ratio of the two systems.
import { median } from './statistics.mjs';

/** `results`: for each shape and system the measured rows of all rounds. */
export function tableOf(shapes, systems, results) {
  const lines = [
    [
      'work',
      'measure',
      ...systems.map((system) => `${system.title} (median, range)`),
      ...(systems.length === 2 ? ['ratio'] : []),
    ],
  ];
  for (const { name, title, measures } of shapes) {
    measures.forEach((measure, index) => {
      const columns = systems.map((system) => results.get(`${name}/${system.title}`).map((row) => row[index]));
      const medians = columns.map(median);
      const cells = columns.map(
        (values, i) => `${text(medians[i])} (${text(Math.min(...values))}–${text(Math.max(...values))})`,
      );
      lines.push([
        index === 0 ? title : '',
        measure,
        ...cells,
        ...(systems.length === 2 ? [ratio(measure, medians)] : []),
      ]);
    });
  }
  const [head, ...rows] = lines;
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Above 1 = CloudJob is better: more per second, or fewer ms and bytes. */
function ratio(measure, [ours, theirs]) {
  const value = measure.includes('/s') ? ours / theirs : theirs / ours;
  return Number.isFinite(value) ? `${value.toFixed(value < 10 ? 1 : 0)}×` : '';
}

function text(value) {
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 });
}
