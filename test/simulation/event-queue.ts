export interface QueuedEvent {
  readonly at: number;
  /** Breaks ties: of two events of one instant, the one scheduled first comes first. */
  readonly order: number;
  run: (() => void) | null;
}

/** A binary heap of events by instant, then by order of scheduling. */
export class EventQueue<E extends QueuedEvent> {
  readonly #heap: E[] = [];

  get size(): number {
    return this.#heap.length;
  }

  first(): E | undefined {
    return this.#heap[0];
  }

  push(event: E): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = heap[parent] as E;
      if (!isBefore(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  pop(): E | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      const right = child + 1;
      const least = right < heap.length && isBefore(heap[right] as E, heap[child] as E) ? right : child;
      if (!isBefore(heap[least] as E, last)) break;
      heap[index] = heap[least] as E;
      index = least;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
