import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import type { ApiDeps } from './api/api-deps.js';
import { ApiModule } from './api/api.module.js';
import { COMET_ENDPOINT, CometController } from './api/comet.controller.js';
import { GATE, GateController } from './api/gate.controller.js';
import { InboxController, MAILBOX } from './api/inbox.controller.js';
import { MESSAGE_SENDER, MessagesController } from './api/messages.controller.js';
import { PageController } from './api/page.controller.js';
import { REMINDERS, RemindersController } from './api/reminders.controller.js';
import { TICKETS, TicketsController } from './api/tickets.controller.js';
import type { CometService } from './comet/comet.service.js';
import type { Gate } from './comet/gate.js';
import type { Mailbox } from './comet/mailbox.js';
import type { MessageSender } from './comet/message-sender.js';
import type { Tickets } from './comet/tickets.js';
import type { RemindersOf } from './api/reminders.controller.js';

export interface AppParts extends ApiDeps {
  readonly mailbox: Mailbox;
  readonly sender: MessageSender;
  readonly tickets: Tickets;
  readonly gate: Gate;
  readonly remindersOf: RemindersOf;
  /** Absent where this process holds no connections. */
  readonly comet: CometService | undefined;
  /** Serve definitions, messages and the page; otherwise only health, metrics and, if given, comet. */
  readonly servesApi: boolean;
}

/** Binds the parts that the composition made to the controllers of this process. */
@Module({})
export class AppModule {
  static of(parts: AppParts): DynamicModule {
    const controllers: Type[] = [GateController];
    const providers: Provider[] = [
      { provide: TICKETS, useValue: parts.tickets },
      { provide: GATE, useValue: parts.gate },
    ];
    if (parts.servesApi) {
      controllers.push(MessagesController, TicketsController, InboxController, RemindersController, PageController);
      providers.push(
        { provide: MAILBOX, useValue: parts.mailbox },
        { provide: MESSAGE_SENDER, useValue: parts.sender },
        { provide: REMINDERS, useValue: parts.remindersOf },
      );
    }
    if (parts.comet !== undefined) {
      controllers.push(CometController);
      providers.push({ provide: COMET_ENDPOINT, useValue: parts.comet });
    }
    const { stores, services, clock, logger, metrics } = parts;
    const api = { stores, services, clock, logger, metrics, extraControllers: controllers, extraProviders: providers };
    return { module: AppModule, imports: [ApiModule.register(api)] };
  }
}
