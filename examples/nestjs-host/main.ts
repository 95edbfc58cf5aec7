import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

// With `NestFactory.create` and a web server it is the same.
const app = await NestFactory.createApplicationContext(AppModule);
// SIGTERM: handlers end first, then everything they use is closed.
app.enableShutdownHooks();
