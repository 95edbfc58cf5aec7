import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { componentSchemas } from './schemas.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/** Routes that answer without the key. */
const PUBLIC_PATHS: readonly string[] = ['/healthz', '/readyz', '/v1/comet', '/v1/comet/ack', '/v1/comet/nodes'];

/** Serves the OpenAPI 3.1 document of every controller of the application, made when it is first asked for. */
export function serveOpenApi(app: NestFastifyApplication): void {
  let document: OpenAPIObject | undefined;
  app
    .getHttpAdapter()
    .getInstance()
    .get('/openapi.json', (_request, reply) => reply.send((document ??= openApiDocument(app))));
}

export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('CloudJob')
    .setDescription('Jobs, their triggers and executions. Errors are RFC 9457 problem documents.')
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer' }, 'key')
    .build();
  const document = SwaggerModule.createDocument(app, config);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation !== undefined) complete(operation, path);
    }
  }
  return { ...document, components: { ...document.components, schemas: componentSchemas() } };
}

/** Adds what follows from the path: its parameters, and the key. */
function complete(operation: Operation, path: string): void {
  const declared = operation.parameters ?? [];
  const names = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] ?? '');
  const isDeclared = (name: string): boolean => declared.some((p) => 'name' in p && p.name === name && p.in === 'path');
  const missing = names.filter((name) => !isDeclared(name));
  operation.parameters = [
    ...missing.map((name) => ({ name, in: 'path' as const, required: true, schema: { type: 'string' } })),
    ...declared,
  ];
  operation.security = PUBLIC_PATHS.includes(path) ? [] : [{ key: [] }];
}
