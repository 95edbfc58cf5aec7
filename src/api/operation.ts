import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { jsonSchemaOf, schemaRef, type SchemaName } from './schemas.js';

/** What OpenAPI says about a handler. Path parameters and the key are added to every operation by `openapi.ts`. */
export interface OperationFacts {
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** Name of the schema, or media type and description of a body that is not JSON; with `schema` it may also be that. */
  readonly body?:
    SchemaName | { readonly mediaType: string; readonly description: string; readonly schema?: SchemaName };
  /** Status → what is answered: name of the schema, null for no body, or a media type. */
  readonly answers: Readonly<
    Record<number, SchemaName | null | { readonly mediaType: string; readonly description: string }>
  >;
  readonly headers?: readonly ('If-Match' | 'If-None-Match' | 'Idempotency-Key')[];
}

const HEADER_TEXTS = {
  'If-Match': 'Entity tag of the version to be changed; 412 when it is not the stored one any more',
  'If-None-Match': '`*`: only where nothing exists yet; 412 otherwise',
  'Idempotency-Key': 'The same key is the same run: repeating the request does not run the job twice',
} as const;

export function Operation(facts: OperationFacts): MethodDecorator {
  return applyDecorators(
    ApiOperation({ summary: facts.summary }),
    ...(facts.headers ?? []).map((name) =>
      ApiHeader({ name, required: false, description: HEADER_TEXTS[name], schema: { type: 'string' } }),
    ),
    ...queryDecorators(facts.query),
    ...bodyDecorators(facts.body),
    ...Object.entries(facts.answers).map(([status, answer]) => answerDecorator(Number(status), answer)),
    ApiResponse({
      status: 'default',
      description: 'What went wrong',
      content: { 'application/problem+json': { schema: schemaRef('Problem') } },
    }),
  );
}

function queryDecorators(query: z.ZodObject | undefined): MethodDecorator[] {
  if (query === undefined) return [];
  const { properties, required } = jsonSchemaOf(query, 'input');
  return Object.entries(properties ?? {}).map(([name, schema]) =>
    ApiQuery({ name, required: required?.includes(name) ?? false, schema }),
  );
}

function bodyDecorators(body: OperationFacts['body']): MethodDecorator[] {
  if (body === undefined) return [];
  if (typeof body === 'string') return [ApiBody({ schema: schemaRef(body) })];
  const { mediaType, description, schema } = body;
  if (schema === undefined) return [ApiConsumes(mediaType), ApiBody({ description, schema: { type: 'string' } })];
  const either = { oneOf: [schemaRef(schema), { type: 'string' }] };
  return [ApiConsumes('application/json', mediaType), ApiBody({ description, schema: either })];
}

function answerDecorator(status: number, answer: OperationFacts['answers'][number]): MethodDecorator {
  if (answer === null || answer === undefined) return ApiResponse({ status, description: 'Done' });
  if (typeof answer === 'string') {
    const content = { 'application/json': { schema: schemaRef(answer) } };
    return ApiResponse({ status, description: answer, content });
  }
  const content = { [answer.mediaType]: { schema: { type: 'string' } } };
  return ApiResponse({ status, description: answer.description, content });
}
