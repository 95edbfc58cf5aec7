import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOfProblem } from '../../src/client/problem-error.js';
import { RestClient } from '../../src/client/rest-client.js';
import { RestTransport } from '../../src/client/rest-transport.js';
import { problemOf } from '../../src/api/problem.js';
import { ERROR_CODES, type ErrorCode } from '../../src/domain/errors.js';
import { ManualClock } from '../support/manual-clock.js';
import { eventually } from '../support/wait.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const job = { name: 'report', target: { type: 'handler' as const, handler: 'report' } };

let server: Server;
let answers: Answer[];
let seen: { method: string; url: string; key: string | undefined; authorization: string | undefined }[];
let clock: ManualClock;
let client: RestClient;

beforeEach(async () => {
  answers = [];
  seen = [];
  clock = new ManualClock();
  server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const key = headers['idempotency-key'];
    seen.push({ method, url, key: key === undefined ? undefined : String(key), authorization: headers.authorization });
    request.resume();
    request.on('end', () => (answers.shift() ?? json(500, {}))(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/behind/`;
  const transport = new RestTransport({ clock }, { url, apiKey: 'secret', timeoutMs: 5000, maxTries: 3 });
  client = new RestClient({ transport }, { namespace: 'app' });
});
afterEach(async () => {
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const json =
  (status: number, body: unknown): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
const problem = (code: ErrorCode): Answer => json(ERROR_CODES[code].status, { code, detail: 'as it was said' });
const cut: Answer = (_request, response) => response.destroy();

/** Lets waits between tries pass until the promise has settled. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let isDone = false;
  const watched = promise.finally(() => (isDone = true));
  watched.catch(() => undefined);
  await eventually('the answer', async () => {
    if (!isDone) await clock.advance(100);
    return isDone;
  });
  return watched;
}

describe('a request', () => {
  it('carries the key and goes below the path of the address', async () => {
    answers.push(json(200, { name: 'report' }));
    await client.getJob('report');
    expect(seen).toEqual([
      { method: 'GET', url: '/behind/v1/namespaces/app/jobs/report', key: undefined, authorization: 'Bearer secret' },
    ]);
  });

  it('is repeated while the API cannot do it for now', async () => {
    answers.push(problem('CJ_REDIS_UNAVAILABLE'), cut, json(200, job));
    expect(await settled(client.putJob(job))).toMatchObject({ job });
    expect(seen).toHaveLength(3);
  });

  it('is given up after the last try with the error of that', async () => {
    answers.push(cut, cut, problem('CJ_STOPPING'));
    await expect(settled(client.getJob('report'))).rejects.toMatchObject({ code: 'CJ_STOPPING', retryable: true });
    expect(seen).toHaveLength(3);
  });

  it('is not repeated when the caller is wrong', async () => {
    answers.push(json(400, { code: 'CJ_VALIDATION_FAILED', violations: [{ field: 'queue', message: 'is wrong' }] }));
    await expect(settled(client.putJob(job))).rejects.toMatchObject({
      violations: [{ field: 'queue', message: 'is wrong' }],
    });
    expect(seen).toHaveLength(1);
  });

  it('to run a job has one key for all its tries', async () => {
    answers.push(cut, json(201, { id: 'e' }));
    await settled(client.run('report'));
    expect(seen.map((request) => request.key)).toEqual([seen[0]?.key, seen[0]?.key]);
    expect(seen[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
    answers.push(json(201, { id: 'f' }));
    await client.run('report');
    expect(seen[2]?.key).not.toBe(seen[0]?.key);
  });

  it('to queue an execution once more is not repeated', async () => {
    answers.push(cut);
    await expect(settled(client.retryExecution('e'))).rejects.toMatchObject({ code: 'CJ_API_UNAVAILABLE' });
    expect(seen).toHaveLength(1);
  });

  it('to delete is done when the second try finds nothing, not when the first does', async () => {
    answers.push(cut, problem('CJ_JOB_NOT_FOUND'));
    await settled(client.deleteJob('report'));
    answers.push(problem('CJ_JOB_NOT_FOUND'));
    await expect(settled(client.deleteJob('report'))).rejects.toMatchObject({ code: 'CJ_JOB_NOT_FOUND' });
  });

  it('that is not answered in time is one without an answer', async () => {
    answers.push(() => undefined);
    await expect(settled(client.retryExecution('e'))).rejects.toMatchObject({ code: 'CJ_API_UNAVAILABLE' });
    expect(clock.monotonicNow()).toBeGreaterThanOrEqual(5000);
    expect(clock.pending).toBe(0);
  });

  it('ends with the client', async () => {
    answers.push(() => void client.close());
    await expect(settled(client.getJob('report'))).rejects.toMatchObject({ code: 'CJ_API_UNAVAILABLE' });
    expect(clock.pending).toBe(0);
  });

  it('is not sent on to another address', async () => {
    answers.push((_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end());
    await expect(settled(client.retryExecution('e'))).rejects.toMatchObject({ code: 'CJ_API_UNAVAILABLE' });
  });

  it('answered by something else than the API says so', async () => {
    answers.push((_request, response) => response.writeHead(403).end('<h1>Forbidden</h1>'));
    await expect(settled(client.retryExecution('e'))).rejects.toMatchObject({
      code: 'CJ_API_UNAVAILABLE',
      message: 'the API answered 403 without a problem document',
    });
  });
});

describe('an import', () => {
  it('whose answer breaks off is an error', async () => {
    answers.push((_request, response) => response.end('{"line":1,"name":"a","outcome":"created"}\n'));
    const triggers = [{ name: 'a' }, { name: 'b' }];
    await expect(settled(client.putTriggers('report', triggers))).rejects.toMatchObject({
      message: 'the import ended after 1 of 2 triggers',
    });
  });
});

describe('a problem document', () => {
  const context = { instance: '/', requestId: 'r' };
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];

  it.each(codes.filter((code) => !/EPOCH|HANDLER|TARGET|CONFIG/.test(code)))(
    'of %s becomes that error again',
    (code) => {
      const { status } = ERROR_CODES[code];
      const error = errorOfProblem(status, { code, detail: 'x', violations: [{ field: 'a', message: 'b' }] });
      expect(error.code).toBe(code);
      expect(problemOf(error, context)).toMatchObject({ code, status });
    },
  );
});
