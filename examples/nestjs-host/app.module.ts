import { Module } from '@nestjs/common';
// In a project of your own: from 'cloudjob/nestjs'.
import { CloudJobModule } from '../../src/nestjs/index.js';
import { ReportJobs } from './report-jobs.js';

@Module({
  imports: [
    CloudJobModule.forRootAsync({
      useFactory: () => ({
        redis: process.env['CLOUDJOB_REDIS'] ?? 'redis://127.0.0.1:6379',
        cluster: process.env['CLOUDJOB_CLUSTER'] ?? 'default',
        namespace: 'reports',
      }),
    }),
  ],
  providers: [ReportJobs],
})
export class AppModule {}
