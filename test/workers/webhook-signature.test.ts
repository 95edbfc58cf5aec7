import { expect, it } from 'vitest';
import { webhookHeaders } from '../../src/workers/webhook-signature.js';

it('signs like the published example of Standard Webhooks', () => {
  const headers = webhookHeaders({
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: 1614265330,
    body: '{"test": 2432232314}',
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  });
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

it('leaves the signature out where there is no secret', () => {
  const headers = webhookHeaders({ id: 'a', timestamp: 1, body: '', secret: undefined });
  expect(headers).toEqual({ 'webhook-id': 'a', 'webhook-timestamp': '1' });
});
