import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseJobInput } from '../../src/client/job-input.js';
import { Cron, CronExpression, defineJob, Every, JobHandler, OnJobEvent } from '../../src/nestjs/index.js';
import { planJobs, type DeclaredMethod } from '../../src/nestjs/job-plan.js';
import { declarationsOf } from '../../src/nestjs/method-declaration.js';

/** The decorated methods of a class, as the explorer finds them. */
function methodsOf(type: { name: string; prototype: object }): DeclaredMethod[] {
  return Object.getOwnPropertyNames(type.prototype).flatMap((name) => {
    const declarations = declarationsOf(Reflect.get(type.prototype, name) as object);
    return declarations.length === 0 ? [] : [{ place: `${type.name}.${name}`, declarations, call: () => undefined }];
  });
}

function planOf(type: { name: string; prototype: object }, settings: Parameters<typeof planJobs>[1] = {}) {
  return planJobs(methodsOf(type), settings);
}

describe('planJobs', () => {
  it('makes a job of a method, named after class and method', () => {
    class BillingJobs {
      @Cron('0 2 * * *', { timeZone: 'America/New_York', misfire: 'skip', data: { k: 1 }, labels: { team: 'billing' } })
      nightly() {}
    }
    const { jobs, handlers } = planOf(BillingJobs);
    expect(jobs).toEqual([
      {
        place: 'BillingJobs.nightly',
        input: {
          name: 'BillingJobs.nightly',
          target: { type: 'handler', handler: 'BillingJobs.nightly' },
          schedule: { type: 'cron', expression: '0 2 * * *' },
          timeZone: 'America/New_York',
          misfire: { policy: 'skip' },
          data: { k: 1 },
          labels: { team: 'billing' },
        },
      },
    ]);
    expect(handlers.map(({ name }) => name)).toEqual(['BillingJobs.nightly']);
  });

  it('takes the options of @nestjs/schedule as they are', () => {
    class Migrated {
      @Cron(CronExpression.EVERY_10_SECONDS, {
        name: 'ten',
        waitForCompletion: false,
        unrefTimeout: true,
        threshold: 500,
      })
      ten() {}
      @Cron('0 30 9 * * MON-FRI', { name: 'work', utcOffset: 120, waitForCompletion: true })
      work() {}
      @Cron(new Date('2030-01-01T00:00:00Z'), { name: 'once' })
      once() {}
      @Cron('0 3 * * *', { name: 'off', disabled: true, timeZone: 'Europe/Paris' })
      off() {}
    }
    const { jobs, warnings } = planOf(Migrated);
    expect(jobs.map(({ input }) => input)).toMatchObject([
      { name: 'ten', overlap: 'allow', schedule: { expression: '*/10 * * * * *' } },
      { name: 'work', overlap: 'skip', timeZone: 'Etc/GMT-2' },
      { name: 'once', schedule: { type: 'at', at: '2030-01-01T00:00:00.000Z' } },
      { name: 'off', timeZone: 'Europe/Paris' },
    ]);
    expect(jobs[3]?.input.schedule).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/^Migrated\.ten: unrefTimeout, threshold has no effect/)]);
  });

  it('hands on the calendars of a job, and leaves them out of one without its schedule', () => {
    class Settles {
      @Cron('0 18 * * MON-FRI', { name: 'on', calendars: ['holidays'] })
      on() {}
      @Cron('0 18 * * MON-FRI', { name: 'off', calendars: ['holidays'], disabled: true })
      off() {}
    }
    const [on, off] = planOf(Settles).jobs;
    expect(on?.input).toMatchObject({ name: 'on', calendars: ['holidays'] });
    expect(off?.input).not.toHaveProperty('calendars');
  });

  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    [250, 250],
  ] as const)('reads the period %s', (every, everyMs) => {
    class Polls {
      @Every(every)
      poll() {}
    }
    expect(planOf(Polls).jobs[0]?.input.schedule).toEqual({ type: 'every', everyMs });
  });

  it('lets the decorator win over the defaults of the module', () => {
    class Jobs {
      @Every('1m', { overlap: 'allow' })
      poll() {}
    }
    const { jobs } = planOf(Jobs, { defaults: { overlap: 'skip', timeZone: 'Asia/Tokyo', misfire: 'fireAll' } });
    expect(jobs[0]?.input).toMatchObject({ overlap: 'allow', timeZone: 'Asia/Tokyo', misfire: { policy: 'fireAll' } });
  });

  it('declares a defined job and checks its data with its schema', () => {
    const send = defineJob('invoice.send', { schema: z.object({ id: z.string() }), retry: { maxAttempts: 5 } });
    class Invoices {
      @JobHandler(send)
      send() {}
      @JobHandler('invoice.print')
      print() {}
    }
    const { jobs, handlers } = planOf(Invoices);
    expect(jobs.map(({ input }) => input.name)).toEqual(['invoice.send']);
    expect(handlers.map(({ name, defined }) => [name, defined])).toEqual([
      ['invoice.send', send],
      ['invoice.print', undefined],
    ]);
  });

  it('keeps several declarations of one method, in the order of the code', () => {
    class Jobs {
      @Every('1m', { name: 'often' })
      @Cron('0 0 * * *', { name: 'midnight' })
      @OnJobEvent('*', 'failed')
      run() {}
    }
    const { jobs, listeners } = planOf(Jobs);
    expect(jobs.map(({ input }) => input.name)).toEqual(['often', 'midnight']);
    expect(listeners).toMatchObject([{ place: 'Jobs.run', job: '*', event: 'failed' }]);
  });

  it('refuses a name given twice, and names both methods', () => {
    class First {
      @Cron('0 0 * * *', { name: 'report' })
      daily() {}
    }
    class Second {
      @JobHandler('report')
      handle() {}
    }
    expect(() => planJobs([...methodsOf(First), ...methodsOf(Second)], {})).toThrow(
      /'report': First\.daily and Second\.handle/,
    );
  });

  it.each([
    ['a bad field', '61 * * * *', {}, /Jobs\.run declares the job 'Jobs\.run'.*61/],
    ['weekday numbers that dialects read differently', '0 0 9 * * 1-5', {}, /Jobs\.run .*dialect/],
    ['an unknown zone', '0 9 * * *', { timeZone: 'Mars/Base' }, /Jobs\.run .*Mars\/Base/],
    ['a fraction of an hour from UTC', '0 9 * * *', { utcOffset: 330 }, /Jobs\.run .*utcOffset 330/],
    ['a name that cannot be', '0 9 * * *', { name: 'a b' }, /Jobs\.run declares the job 'a b'/],
  ])('refuses %s, and names the method', (_what, expression, options, message) => {
    class Jobs {
      @Cron(expression, options)
      run() {}
    }
    expect(() => planOf(Jobs)).toThrow(message);
  });

  it('reads weekday numbers as the module says', () => {
    class Jobs {
      @Cron('0 0 9 * * 1-5')
      run() {}
    }
    expect(planOf(Jobs, { cronDialect: 'unix' }).jobs[0]?.input.schedule).toMatchObject({ dialect: 'unix' });
  });

  it('refuses a period that it cannot read', () => {
    class Jobs {
      @Every('5 apples' as '5s')
      run() {}
    }
    expect(() => planOf(Jobs)).toThrow(/Jobs\.run .*'5 apples' is not a duration/);
  });

  it('refuses a decorator on something that is no method', () => {
    expect(() => Every('1s')({}, 'field', undefined as never)).toThrow('@Every belongs on a method');
  });
});

describe('CronExpression', () => {
  it.each(Object.entries(CronExpression))('%s can be used as it is', (name, expression) => {
    const schedule = { type: 'cron' as const, expression };
    expect(() => parseJobInput({ name, target: { type: 'handler', handler: name }, schedule }, null)).not.toThrow();
  });
});
