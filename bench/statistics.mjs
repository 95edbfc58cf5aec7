export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Nearest rank. */
export function quantiles(values) {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)];
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
