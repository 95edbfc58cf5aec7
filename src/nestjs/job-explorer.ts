import { Inject, Injectable } from '@nestjs/common';
import { ContextIdFactory, DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import type { ClusterEvent } from '../store/event-bus.js';
import type { JobContext } from '../workers/job-context.js';
import type { DeclaredMethod } from './job-plan.js';
import { declarationsOf } from './method-declaration.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Method = (argument: JobContext | ClusterEvent) => unknown;

/**
 * Finds the decorated methods of all providers and controllers. A method runs with its provider as `this`; a
 * request-scoped provider is made anew for each call.
 */
@Injectable()
export class JobExplorer {
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;
  readonly #modules: ModuleRef;

  constructor(
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(MetadataScanner) scanner: MetadataScanner,
    @Inject(ModuleRef) modules: ModuleRef,
  ) {
    this.#discovery = discovery;
    this.#scanner = scanner;
    this.#modules = modules;
  }

  explore(): readonly DeclaredMethod[] {
    const seen = new Set<unknown>();
    const found: DeclaredMethod[] = [];
    for (const wrapper of [...this.#discovery.getProviders(), ...this.#discovery.getControllers()]) {
      const { instance } = wrapper as { instance: unknown };
      // One object may be provided under several tokens.
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
      seen.add(instance);
      const prototype: unknown = Object.getPrototypeOf(instance);
      if (typeof prototype === 'object' && prototype !== null) found.push(...this.#methodsOf(wrapper, prototype));
    }
    return found;
  }

  #methodsOf(wrapper: Wrapper, prototype: object): DeclaredMethod[] {
    const className = prototype.constructor.name;
    return this.#scanner.getAllMethodNames(prototype).flatMap((name) => {
      const method: unknown = Reflect.get(prototype, name);
      const declarations = typeof method === 'function' ? declarationsOf(method) : [];
      if (declarations.length === 0) return [];
      return [{ place: `${className}.${name}`, declarations, call: this.#caller(wrapper, name) }];
    });
  }

  #caller(wrapper: Wrapper, name: string): DeclaredMethod['call'] {
    if (wrapper.isDependencyTreeStatic()) {
      return (argument) => callOn(wrapper.instance as object, name, argument);
    }
    return async (argument) => {
      const context = ContextIdFactory.create();
      this.#modules.registerRequestByContextId(argument, context);
      const token = wrapper.token as Parameters<ModuleRef['resolve']>[0];
      return callOn(await this.#modules.resolve<object>(token, context, { strict: false }), name, argument);
    };
  }
}

/** Looked up at the call, so that a method replaced on the instance (a spy, a proxy) is the one that runs. */
function callOn(instance: object, name: string, argument: JobContext | ClusterEvent): unknown {
  return (Reflect.get(instance, name) as Method).call(instance, argument);
}
