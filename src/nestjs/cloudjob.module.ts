import {
  ConfigurableModuleBuilder,
  Global,
  Inject,
  Module,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CLOUDJOB_CLIENT, CloudJobConnection } from './cloudjob-connection.js';
import type { CloudJobModuleOptions } from './cloudjob-options.js';
import { JobExplorer } from './job-explorer.js';
import { JobOrchestrator } from './job-orchestrator.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<CloudJobModuleOptions>({
  moduleName: 'CloudJob',
}).build();

/** The connection: global, so that every module can inject the client, and closed last of all. */
@Global()
@Module({
  providers: [
    {
      provide: CloudJobConnection,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: CloudJobModuleOptions) => new CloudJobConnection(options),
    },
    {
      provide: CLOUDJOB_CLIENT,
      inject: [CloudJobConnection],
      useFactory: (connection: CloudJobConnection) => connection.client,
    },
  ],
  exports: [CloudJobConnection, CLOUDJOB_CLIENT],
})
class CloudJobConnectionModule extends ConfigurableModuleClass {}

/**
 * Declares the decorated methods of a NestJS application as jobs, and runs them. Import it once, in the root
 * module. It is not global on purpose: modules near the root are destroyed before deeper and global ones, so
 * handlers end before the database connections they use are closed.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [JobExplorer, JobOrchestrator],
  exports: [JobOrchestrator],
})
export class CloudJobModule implements OnModuleDestroy {
  readonly #orchestrator: JobOrchestrator;

  constructor(@Inject(JobOrchestrator) orchestrator: JobOrchestrator) {
    this.#orchestrator = orchestrator;
  }

  static forRoot(options: CloudJobModuleOptions): DynamicModule {
    return { module: CloudJobModule, imports: [CloudJobConnectionModule.register(options)] };
  }

  /** `imports`, `inject` and `useFactory`, or `useClass`, `useExisting` with a method `create`. */
  static forRootAsync(options: ConfigurableModuleAsyncOptions<CloudJobModuleOptions>): DynamicModule {
    return { module: CloudJobModule, imports: [CloudJobConnectionModule.registerAsync(options)] };
  }

  async onModuleDestroy(): Promise<void> {
    await this.#orchestrator.drain();
  }
}
