// Worker processes of either system, as the measuring process sees them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export class WorkerProcess {
  static async start(script, settings) {
    const worker = new WorkerProcess();
    worker.child = fork(fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(settings)]);
    const exit = once(worker.child, 'exit').then(([code, signal]) => {
      throw new Error(`${script} ended while starting: ${code ?? signal}`);
    });
    exit.catch(() => undefined);
    await Promise.race([once(worker.child, 'message'), exit]);
    return worker;
  }

  async ask(question) {
    const answer = once(this.child, 'message');
    this.child.send(question);
    return (await answer)[0];
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.send('stop');
    await exited;
  }
}

/** Several worker processes as one: counts added, latenesses together. */
export class Workers {
  constructor(workers) {
    this.workers = workers;
  }

  async acknowledged() {
    const answers = await Promise.all(this.workers.map((worker) => worker.ask('count')));
    return answers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  async reset() {
    await Promise.all(this.workers.map((worker) => worker.ask('reset')));
  }

  async report() {
    const reports = await Promise.all(this.workers.map((worker) => worker.ask('report')));
    const sum = (name) => reports.reduce((total, report) => total + report[name], 0);
    return {
      lateness: reports.flatMap((report) => report.lateness),
      distinct: sum('distinct'),
      started: sum('started'),
      acknowledged: sum('acknowledged'),
      lastAcknowledgedAt: Math.max(...reports.map((report) => report.lastAcknowledgedAt)),
    };
  }

  async stop() {
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}
