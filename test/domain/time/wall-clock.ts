/**
 * The wall clock of a zone straight from `Intl`, for oracles that must share no code with the engine. A local
 * time is what `Date.UTC` gives for its digits.
 */
export class WallClock {
  private readonly format: Intl.DateTimeFormat;

  constructor(readonly zone: string) {
    this.format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  localAt(at: number): number {
    const parts = new Map(this.format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? NaN;
    return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  }

  /** Instants in `[from, to)` at which the offset changes, found by looking once a day and then bisecting. */
  changes(from: number, to: number): number[] {
    const offsetAt = (at: number): number => this.localAt(at) - at;
    const found: number[] = [];
    const step = 86_400_000;
    for (let at = from; at < to; at += step) {
      const before = offsetAt(at);
      if (offsetAt(at + step) === before) continue;
      let low = at;
      let high = at + step;
      while (high - low > 1000) {
        const middle = low + Math.floor((high - low) / 2000) * 1000;
        if (offsetAt(middle) === before) low = middle;
        else high = middle;
      }
      found.push(high);
    }
    return found;
  }
}
