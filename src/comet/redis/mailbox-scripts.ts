/** Every script of the mailbox: `lua/<name>.lua`. What each takes and returns is written at its head. */
export const MAILBOX_SCRIPTS = [
  'append_message',
  'read_mailbox',
  'list_inbox',
  'acknowledge_messages',
  'record_receipt',
  'put_route',
  'remove_route',
] as const;

export type MailboxScript = (typeof MAILBOX_SCRIPTS)[number];

/** First element of the replies of scripts that have an outcome. */
export const APPEND_CODES = { appended: 1, duplicate: 2 } as const;
export const ACKNOWLEDGE_CODES = { noted: 1, unknown: 2 } as const;
export const RECEIPT_CODES = { recorded: 1, repeated: 2, unknown: 3 } as const;
export const PUT_ROUTE_CODES = { stored: 1, limit: 2 } as const;
export const REMOVE_ROUTE_CODES = { removed: 1, other: 2 } as const;
