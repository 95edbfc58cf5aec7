import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { schedulePreview } from '../client/schedule-preview.js';
import type { SchedulePreview } from '../client/views.js';
import { API_DEPS, type ApiDeps } from './api-deps.js';
import { Operation } from './operation.js';

@Controller('v1/schedules')
export class PreviewController {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  @Post('preview')
  @HttpCode(200)
  @Operation({ summary: 'The next fires of a schedule', body: 'PreviewInput', answers: { 200: 'SchedulePreview' } })
  preview(@Body() body: unknown): Promise<SchedulePreview> {
    const { calendars, clusterClock } = this.#deps.stores;
    return schedulePreview(body, { calendars, now: clusterClock.now() });
  }
}
