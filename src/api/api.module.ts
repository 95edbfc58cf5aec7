import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { API_DEPS, type ApiDeps } from './api-deps.js';
import { CalendarsController } from './calendars.controller.js';
import { ClusterController } from './cluster.controller.js';
import { ErrorFilter } from './error.filter.js';
import { EventsController } from './events.controller.js';
import { ExecutionsController } from './executions.controller.js';
import { HealthController } from './health.controller.js';
import { BackfillsController } from './backfills.controller.js';
import { JobsController } from './jobs.controller.js';
import { MetricsController } from './metrics.controller.js';
import { PreviewController } from './preview.controller.js';
import { TriggersController } from './triggers.controller.js';

export interface ApiModuleOptions extends ApiDeps {
  /** Controllers of other parts, and what they inject. They share key check, errors and OpenAPI. */
  readonly extraControllers?: readonly Type[];
  readonly extraProviders?: readonly Provider[];
  /** Serve definitions and executions; otherwise only health, metrics and the extra controllers. @default true */
  readonly servesApi?: boolean;
}

const DEFINITIONS: readonly Type[] = [
  JobsController,
  BackfillsController,
  TriggersController,
  CalendarsController,
  ExecutionsController,
  PreviewController,
  ClusterController,
  EventsController,
];

/** REST over the stores. Served by `createHttpApp`, which holds the key check. */
@Module({})
export class ApiModule {
  static register(options: ApiModuleOptions): DynamicModule {
    const { extraControllers = [], extraProviders = [], servesApi = true, ...deps } = options;
    return {
      module: ApiModule,
      controllers: [HealthController, MetricsController, ...(servesApi ? DEFINITIONS : []), ...extraControllers],
      providers: [
        { provide: API_DEPS, useValue: deps satisfies ApiDeps },
        { provide: APP_FILTER, useClass: ErrorFilter },
        ...extraProviders,
      ],
      exports: [API_DEPS],
    };
  }
}
