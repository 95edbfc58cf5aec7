/** Entries of one chunk before it is split: splices stay short, and chunks few. */
const MAX_CHUNK = 512;

interface Entry<M extends string> {
  readonly score: number;
  readonly member: M;
}

/**
 * Members with a score, in order of score and then of name, like a Redis sorted set. Setting, deleting and
 * reading from the front cost the same whether there are a hundred members or a million (nearly: the list
 * of chunks is searched by halving).
 */
export class ScoredSet<M extends string> {
  readonly #scores = new Map<M, number>();
  /** Sorted chunks of sorted entries; none is empty. */
  readonly #chunks: Entry<M>[][] = [];

  get size(): number {
    return this.#scores.size;
  }

  score(member: M): number | undefined {
    return this.#scores.get(member);
  }

  set(member: M, score: number): void {
    if (this.#scores.get(member) === score) return;
    this.delete(member);
    this.#scores.set(member, score);
    const entry = { score, member };
    const at = Math.min(this.#chunkFor(entry), this.#chunks.length - 1);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([entry]);
      return;
    }
    chunk.splice(positionIn(chunk, entry), 0, entry);
    if (chunk.length > MAX_CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(MAX_CHUNK / 2));
  }

  delete(member: M): boolean {
    const score = this.#scores.get(member);
    if (score === undefined) return false;
    this.#scores.delete(member);
    const at = this.#chunkFor({ score, member });
    const chunk = this.#chunks[at];
    if (chunk === undefined) return false;
    chunk.splice(positionIn(chunk, { score, member }), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    return true;
  }

  /** Lowest score; null when empty. */
  firstScore(): number | null {
    return this.#chunks[0]?.[0]?.score ?? null;
  }

  /** Entries with a score up to `upTo`, inclusive, lowest first, at most `limit`. */
  first(limit: number, upTo = Infinity): Entry<M>[] {
    return this.#walk({ chunk: 0, index: 0 }, limit, upTo);
  }

  /** Entries behind the given one, whether that is still there or not. */
  after(entry: Entry<M>, limit: number): Entry<M>[] {
    const at = this.#chunkFor(entry);
    const chunk = this.#chunks[at] ?? [];
    const index = positionIn(chunk, entry);
    const isThere = chunk[index]?.member === entry.member && chunk[index].score === entry.score;
    return this.#walk({ chunk: at, index: isThere ? index + 1 : index }, limit, Infinity);
  }

  #walk(from: { chunk: number; index: number }, limit: number, upTo: number): Entry<M>[] {
    const found: Entry<M>[] = [];
    for (let at = from.chunk; at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at] ?? [];
      for (let index = at === from.chunk ? from.index : 0; index < chunk.length; index++) {
        const entry = chunk[index];
        if (entry === undefined || found.length >= limit || entry.score > upTo) return found;
        found.push(entry);
      }
    }
    return found;
  }

  /** First chunk whose last entry is not before `entry`; the number of chunks when there is none. */
  #chunkFor(entry: Entry<M>): number {
    return lowerBound(this.#chunks.length, (i) => isBefore(this.#chunks[i]?.at(-1), entry));
  }
}

function positionIn<M extends string>(chunk: readonly Entry<M>[], entry: Entry<M>): number {
  return lowerBound(chunk.length, (i) => isBefore(chunk[i], entry));
}

function isBefore<M extends string>(a: Entry<M> | undefined, b: Entry<M>): boolean {
  if (a === undefined) return false;
  return a.score < b.score || (a.score === b.score && a.member < b.member);
}

function lowerBound(length: number, isBelow: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
