import { Injectable, Logger } from '@nestjs/common';
// In a project of your own: from 'cloudjob/nestjs'.
import { Cron, CronExpression, Every, OnJobEvent, type JobContext, type JobEvent } from '../../src/nestjs/index.js';

/** Two jobs. However many replicas of this service run, each of their times runs once. */
@Injectable()
export class ReportJobs {
  readonly #logger = new Logger(ReportJobs.name);
  /** What this replica has run, for the log of the example and for its test. */
  readonly runs: { readonly job: string; readonly nominalAt: number; readonly key: string }[] = [];

  @Every('1s')
  heartbeat(context: JobContext): void {
    this.#note(context);
  }

  @Cron(CronExpression.EVERY_SECOND, { name: 'reports.refresh', timeZone: 'Europe/Berlin', retry: { maxAttempts: 5 } })
  async refresh(context: JobContext): Promise<{ rows: number }> {
    // Long work hands the signal on: it is aborted on timeout, cancel, a lost lease and shutdown.
    context.signal.throwIfAborted();
    this.#note(context);
    return { rows: 42 };
  }

  @OnJobEvent('reports.refresh', 'failed')
  onFailure({ facts }: JobEvent): void {
    this.#logger.error(`reports.refresh has failed: ${JSON.stringify(facts)}`);
  }

  #note({ job, nominalAt, idempotencyKey }: JobContext): void {
    this.runs.push({ job, nominalAt: nominalAt.getTime(), key: idempotencyKey });
    this.#logger.log(`${job} for ${nominalAt.toISOString()}`);
  }
}
