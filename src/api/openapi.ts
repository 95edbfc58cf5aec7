import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { componentSchemas } from './schemas.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/** Serves the OpenAPI 3.1 document of every controller of the application, made when it is first asked for. */
export function serveOpenApi(app: NestFastifyApplication): void {
  const server = app.getHttpAdapter().getInstance();
  const publicPaths = new Set<string>();
  server.addHook('onRoute', ({ url, config }) => {
    if (config?.isPublic === true) publicPaths.add(url.replace(/:(\w+)/g, '{$1}'));
  });
  let document: OpenAPIObject | undefined;
  server.get('/openapi.json', (_request, reply) => reply.send((document ??= openApiDocument(app, publicPaths))));
}

function openApiDocument(app: NestFastifyApplication, publicPaths: ReadonlySet<string>): OpenAPIObject {
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
      if (operation === undefined) continue;
      addPathParameters(operation, path);
      operation.security = publicPaths.has(path) ? [] : [{ key: [] }];
    }
  }
  return { ...document, components: { ...document.components, schemas: componentSchemas() } };
}

/** Adds the parameters that follow from the path. */
function addPathParameters(operation: Operation, path: string): void {
  const declared = operation.parameters ?? [];
  const names = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] ?? '');
  const isDeclared = (name: string): boolean => declared.some((p) => 'name' in p && p.name === name && p.in === 'path');
  const missing = names.filter((name) => !isDeclared(name));
  operation.parameters = [
    ...missing.map((name) => ({ name, in: 'path' as const, required: true, schema: { type: 'string' } })),
    ...declared,
  ];
}
