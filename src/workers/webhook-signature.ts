import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/**
 * Headers of Standard Webhooks for one attempt. The signature, with a secret only, covers id, timestamp and
 * body, so that a receiver can refuse what is forged, altered or replayed later.
 * @see https://www.standardwebhooks.com
 */
export function webhookHeaders(message: {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
  readonly secret: string | undefined;
}): Record<string, string> {
  const { id, timestamp, body, secret } = message;
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp) };
  if (secret === undefined) return headers;
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { ...headers, 'webhook-signature': `v1,${signature}` };
}
