import 'reflect-metadata';
import { Controller, Global, Inject, Injectable, Module, Scope, type OnModuleDestroy } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import {
  CLOUDJOB_CLIENT,
  CloudJobModule,
  Cron,
  Every,
  InjectCloudJob,
  JobHandler,
  JobOrchestrator,
  OnJobEvent,
  type JobClient,
  type JobContext,
  type JobEvent,
} from '../../src/nestjs/index.js';
import { cluster, host, silentHost } from './host.js';

@Injectable()
class Reports {
  readonly runs: JobContext[] = [];

  @Every('1s', { data: { kind: 'poll' } })
  poll(context: JobContext) {
    this.runs.push(context);
  }
}

describe('CloudJobModule', () => {
  it('runs a method at its times, with its provider as this and the execution as its argument', async () => {
    const parts = await cluster();
    const { app } = await host(parts, { providers: [Reports] });
    await parts.clock.advance(3100);
    const { runs } = app.get(Reports);
    expect(runs.map(({ nominalAt }) => nominalAt.toISOString())).toEqual([
      '2026-11-21T00:00:01.000Z',
      '2026-11-21T00:00:02.000Z',
      '2026-11-21T00:00:03.000Z',
    ]);
    expect(runs[0]).toMatchObject({ job: 'Reports.poll', data: { kind: 'poll' }, attempt: 1, namespace: 'default' });
  });

  it('declares one job for three replicas, and each time runs on one of them', async () => {
    const parts = await cluster();
    const replicas = [];
    for (let i = 0; i < 3; i++) replicas.push(await host(parts, { providers: [Reports] }));
    await parts.clock.advance(10_100);
    const runs = replicas.flatMap(({ app }) => app.get(Reports).runs.map(({ nominalAt }) => nominalAt.getTime()));
    expect(new Set(runs).size).toBe(10);
    expect(runs).toHaveLength(10);
    const { items } = await replicas[0]!.client.listJobs();
    expect(items.map(({ name, version }) => [name, version])).toEqual([['Reports.poll', 1]]);
  });

  it('gives the client to whoever injects it, in any module', async () => {
    @Injectable()
    class Signup {
      constructor(@InjectCloudJob() readonly jobs: JobClient) {}
    }
    @Module({ providers: [Signup], exports: [Signup] })
    class SignupModule {}
    @Injectable()
    class Mailer {
      readonly sent: unknown[] = [];
      @JobHandler('mail')
      send({ data }: JobContext) {
        this.sent.push(data);
      }
    }
    const parts = await cluster();
    const { app } = await host(parts, { providers: [Mailer], imports: [SignupModule] });
    const { jobs } = app.get(Signup, { strict: false });
    await jobs.putJob({ name: 'welcome', target: { type: 'handler', handler: 'mail' } });
    await jobs.run('welcome', { data: { to: 'ann' } });
    await parts.clock.advance(100);
    expect(app.get(Mailer).sent).toEqual([{ to: 'ann' }]);
  });

  it('finds methods of controllers, of base classes and of objects made by factories', async () => {
    const seen: string[] = [];
    class Base {
      @JobHandler('inherited')
      inherited() {
        seen.push('inherited');
      }
    }
    @Injectable()
    class Derived extends Base {}
    @Controller()
    class Hooks {
      @JobHandler('controller')
      onJob() {
        seen.push('controller');
      }
    }
    class Made {
      constructor(readonly name: string) {}
      @JobHandler('made')
      onJob() {
        seen.push(this.name);
      }
    }
    @Module({ controllers: [Hooks] })
    class HooksModule {}
    const parts = await cluster();
    const made = { provide: 'made', useFactory: () => new Made('factory') };
    const { client } = await host(parts, {
      providers: [Derived, made, { provide: 'alias', useExisting: 'made' }],
      imports: [HooksModule],
    });
    for (const name of ['inherited', 'controller', 'made']) {
      await client.putJob({ name, target: { type: 'handler', handler: name } });
      await client.run(name);
    }
    await parts.clock.advance(100);
    expect(seen.sort()).toEqual(['controller', 'factory', 'inherited']);
  });

  it('makes a request-scoped provider anew for each execution, with the context as its request', async () => {
    const seen: unknown[] = [];
    @Injectable({ scope: Scope.REQUEST })
    class PerExecution {
      constructor(@Inject(REQUEST) readonly request: JobContext) {}
      @JobHandler('scoped')
      run(context: JobContext) {
        seen.push([this.request === context, context.data]);
      }
    }
    const parts = await cluster();
    const { client } = await host(parts, { providers: [PerExecution] });
    await client.putJob({ name: 'scoped', target: { type: 'handler', handler: 'scoped' } });
    await client.run('scoped', { data: 1 });
    await client.run('scoped', { data: 2 });
    await parts.clock.advance(100);
    expect(seen).toHaveLength(2);
    expect(seen).toEqual(
      expect.arrayContaining([
        [true, 1],
        [true, 2],
      ]),
    );
  });

  it('tells listeners what happens to the jobs they name', async () => {
    const events: JobEvent[] = [];
    @Injectable()
    class Watched {
      @Every('1s', { name: 'breaks', retry: { maxAttempts: 1 } })
      breaks() {
        throw new Error('no');
      }
      @OnJobEvent('breaks', 'failed')
      onFailure(event: JobEvent) {
        events.push(event);
        throw new Error('a listener that fails hurts nobody');
      }
      @OnJobEvent('another', 'failed')
      never(event: JobEvent) {
        events.push(event);
      }
    }
    const parts = await cluster();
    await host(parts, { providers: [Watched] });
    await parts.clock.advance(2500);
    expect(events.map(({ type, facts }) => [type, facts['job']])).toEqual([
      ['failed', 'breaks'],
      ['failed', 'breaks'],
    ]);
  });

  it('declares without running where the worker is switched off', async () => {
    const parts = await cluster();
    const { app, client } = await host(parts, { providers: [Reports], worker: false });
    await parts.clock.advance(2100);
    expect(app.get(Reports).runs).toEqual([]);
    expect((await client.listJobs()).items).toHaveLength(1);
  });

  it('works the queues that its jobs name', async () => {
    @Injectable()
    class Slow {
      count = 0;
      @Every('1s', { queue: 'slow' })
      run() {
        this.count += 1;
      }
    }
    const parts = await cluster();
    const { app } = await host(parts, { providers: [Slow] });
    await parts.clock.advance(1100);
    expect(app.get(Slow).count).toBe(1);
  });

  it('does not boot with a mistake, and says where it is', async () => {
    @Injectable()
    class Wrong {
      @Cron('99 * * * *')
      never() {}
    }
    const parts = await cluster();
    await expect(host(parts, { providers: [Wrong] })).rejects.toThrow(/Wrong\.never/);
    expect((await parts.stores.jobs.listJobs({ namespace: 'default', limit: 10 })).items).toEqual([]);
  });

  it('does not boot with a one-shot that is over, and says where it is', async () => {
    @Injectable()
    class Past {
      @Cron(new Date('2020-01-01T00:00:00Z'))
      never() {}
    }
    const parts = await cluster();
    await expect(host(parts, { providers: [Past] })).rejects.toThrow(/Past\.never .*past/);
  });

  it('lets handlers end before anything they use is destroyed', async () => {
    const order: string[] = [];
    let finish: () => void = () => undefined;
    @Injectable()
    class Database implements OnModuleDestroy {
      onModuleDestroy() {
        order.push('database closed');
      }
    }
    @Global()
    @Module({ providers: [Database], exports: [Database] })
    class DatabaseModule {}
    @Injectable()
    class Imports {
      @Every('1s', { name: 'import' })
      async run() {
        order.push('started');
        await new Promise<void>((resolve) => (finish = resolve));
        order.push('finished');
      }
    }
    const parts = await cluster();
    const { close } = await host(parts, { providers: [Imports], imports: [DatabaseModule] });
    await parts.clock.advance(1100);
    const closed = close();
    await parts.clock.advance(10);
    expect(order).toEqual(['started']);
    finish();
    await closed;
    expect(order).toEqual(['started', 'finished', 'database closed']);
  });

  it('can be drained before the application is closed', async () => {
    const parts = await cluster();
    const { app } = await host(parts, { providers: [Reports] });
    await parts.clock.advance(1100);
    await app.get(JobOrchestrator).drain();
    await parts.clock.advance(5000);
    expect(app.get(Reports).runs).toHaveLength(1);
  });

  it('takes its options from a factory', async () => {
    const parts = await cluster();
    const module = await Test.createTestingModule({
      imports: [
        CloudJobModule.forRootAsync({
          inject: [],
          useFactory: () => ({ stores: parts.stores, clock: parts.clock, namespace: 'billing' }),
        }),
      ],
      providers: [Reports],
    })
      .setLogger(silentHost)
      .compile();
    const app = await module.init();
    await parts.clock.advance(1100);
    expect(app.get(Reports).runs[0]?.namespace).toBe('billing');
    expect(app.get<JobClient>(CLOUDJOB_CLIENT).namespace).toBe('billing');
    const closed = app.close();
    await parts.clock.advance(30_000);
    await closed;
  });
});
