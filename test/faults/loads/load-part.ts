/** One kind of load: jobs of its own, and what happens to them meanwhile. */
export interface LoadPart {
  readonly jobs: readonly string[];
  /** Stores the jobs, and the triggers that are there from the beginning. */
  define(): Promise<void>;
  /** Goes on until `rest` is aborted, and ends when nothing is open any more. */
  keepChanging?(rest: AbortSignal): Promise<void>;
  /** Deletes what it stored beside jobs, when those are gone. */
  clear?(): Promise<void>;
}
