import { Session } from 'node:inspector';

/**
 * Counts the work of a call instead of its time, which a busy machine would stretch: how often V8 has entered a
 * block of the schedule engine (a function, the body of a loop, a branch).
 */
export class WorkCounter {
  private readonly session = new Session();

  constructor() {
    this.session.connect();
    this.post('Profiler.enable');
    this.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Blocks entered while `call` ran. */
  workOf(call: () => void): number {
    this.entered();
    call();
    return this.entered();
  }

  stop(): void {
    this.post('Profiler.stopPreciseCoverage');
    this.session.disconnect();
  }

  /** Blocks entered since this was asked last. */
  private entered(): number {
    const { result } = this.post('Profiler.takePreciseCoverage') as CoverageResult;
    return result
      .filter(({ url }) => url.includes('/src/domain/time/'))
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
      .reduce((sum, { count }) => sum + count, 0);
  }

  /** The session is of this thread, so the answer is there when `post` returns. */
  private post(method: string, params: object = {}): unknown {
    let answer: unknown;
    this.session.post(method, params, (error, result) => {
      if (error !== null) throw error;
      answer = result;
    });
    return answer;
  }
}

interface CoverageResult {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}
