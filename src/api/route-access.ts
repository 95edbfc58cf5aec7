import { RouteConfig } from '@nestjs/platform-fastify';

/** What the hooks need to know about a route; kept with the route itself, so that no second router can disagree. */
export interface RouteAccess {
  /** Answers without an API key. Absent = false. */
  readonly isPublic?: boolean;
  /** Media types of the body. Absent = JSON. */
  readonly accepts?: readonly string[];
  /** Answers as long as the caller listens, so that its duration says nothing. Absent = false. */
  readonly isStream?: boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    isPublic?: boolean;
    accepts?: readonly string[];
    isStream?: boolean;
  }
}

/** Sets who may call the handler and with what. Without it: callers with the API key, JSON. */
export function Access(access: RouteAccess): MethodDecorator {
  return RouteConfig({ ...access });
}
