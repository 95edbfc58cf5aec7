// What both systems are given to do: the same payload, the same handler, the same result.

/** `bytes` of JSON, 40 or more, for any number below 10 million. */
export function payloadOf(i, bytes) {
  const user = `user-${String(i).padStart(7, '0')}`;
  return { user, text: 'x'.repeat(bytes - JSON.stringify({ user, text: '' }).length) };
}

/** The handler's work is nothing, so that only the systems are measured; both keep its result. */
export function resultOf(payload) {
  return { user: payload.user };
}

/** Collects, inside a worker process, what the handler saw and what was acknowledged. */
export class Recorder {
  lateness = [];
  keys = new Set();
  acknowledged = 0;
  firstStartAt = 0;
  lastAcknowledgedAt = 0;

  /** `key` is unique per fire; `nominalAt` is when it was to start. */
  started(key, nominalAt) {
    const now = Date.now();
    this.firstStartAt ||= now;
    this.lateness.push(now - nominalAt);
    this.keys.add(key);
  }

  /** The system has stored the end of one execution. */
  ended() {
    this.acknowledged += 1;
    this.lastAcknowledgedAt = Date.now();
  }

  reset() {
    Object.assign(this, new Recorder());
  }

  report() {
    const { lateness, keys, acknowledged, firstStartAt, lastAcknowledgedAt } = this;
    return { lateness, distinct: keys.size, started: lateness.length, acknowledged, firstStartAt, lastAcknowledgedAt };
  }
}

/** Answers the questions of the process that measures. */
export function serveReports(recorder, stop) {
  process.on('message', async (question) => {
    if (question === 'count') process.send({ acknowledged: recorder.acknowledged });
    if (question === 'report') process.send(recorder.report());
    if (question === 'reset') {
      recorder.reset();
      process.send({});
    }
    if (question === 'stop') {
      await stop();
      process.exit(0);
    }
  });
  // The measuring process is gone: nothing is left to do.
  process.on('disconnect', () => process.exit(1));
  process.send('ready');
}
