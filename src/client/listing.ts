import type { Page } from '../store/job-store.js';

/**
 * A list that comes in pages: awaited, it is the first page; iterated, it is every item of every page, each
 * page fetched when the one before is used up.
 */
export class Listing<T> implements PromiseLike<Page<T>>, AsyncIterable<T> {
  readonly #fetch: (cursor: string | undefined) => Promise<Page<T>>;
  readonly #cursor: string | undefined;

  constructor(fetch: (cursor: string | undefined) => Promise<Page<T>>, config: { cursor?: string | undefined } = {}) {
    this.#fetch = fetch;
    this.#cursor = config.cursor;
  }

  then<A = Page<T>, B = never>(
    onPage?: ((page: Page<T>) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#fetch(this.#cursor).then(onPage, onError);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    let cursor = this.#cursor;
    do {
      const page = await this.#fetch(cursor);
      yield* page.items;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }
}
