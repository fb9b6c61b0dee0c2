import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deliver } from '../../../src/notify/deliver.ts';
import { presentable } from '../../../src/notify/news.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { freePort } from '../../support/free-port.ts';
import { answer, type Manner, manners, type Receiver, startReceiver } from '../../support/receiver.ts';
import { newsOf } from '../../unit/notify/news.ts';

const SECRET = 'T0000000-B0000000-hunter2222';

describe('a message over HTTP', () => {
  let receiver: Receiver;
  const redactor = createRedactor();
  redactor.add(SECRET);
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.stop());

  /** What became of it, and how long it took. Limits are a tenth of the real ones. */
  const send = async (
    url = `${receiver.url}/hooks/${SECRET}`,
    signal = new AbortController().signal,
  ): Promise<{ readonly problem: string | null; readonly ms: number }> => {
    const began = performance.now();
    const news = presentable(newsOf(), redactor);
    const limits = { messageMs: 1_500, tryMs: 500 };
    const problem = await deliver({ type: 'slack', url }, news, signal, { clock: systemClock, redactor, limits }).then(
      () => null,
      (error: Error) => error.message,
    );
    return { problem, ms: performance.now() - began };
  };

  it('arrives once', async () => {
    expect((await send()).problem).toBe(null);
    expect(receiver.received).toHaveLength(1);
    const [first] = receiver.received;
    expect(first).toMatchObject({ path: `/hooks/${SECRET}`, headers: { 'content-type': 'application/json' } });
    expect(first?.body).toContain('deploy of v0.0.2 failed and was rolled back');
    expect(first?.body).not.toContain(SECRET);
  });

  it('to a server that is down is given up after three tries', async () => {
    const { problem, ms } = await send(`http://127.0.0.1:${await freePort()}/${SECRET}`);
    expect(problem).toMatch(/^connection refused \(127\.0\.0\.1:\d+\)$/);
    expect(ms).toBeLessThan(3_000);
  });

  it('to a host that is none says so', async () => {
    expect((await send(`https://u.invalid/${SECRET}`)).problem).toMatch(/^(?:no such host|the name could not)/);
  });

  it('to a server that never answers is given up in time', async () => {
    receiver.behave(manners.silent);
    const { problem, ms } = await send();
    expect(problem).toMatch(/^(?:no answer within 0.5 s|not within 1.5 s)$/);
    expect(ms).toBeLessThan(3_000);
  });

  it.each<[string, readonly Manner[], number]>([
    ['500 once', [answer(500), manners.ok], 2],
    ['503 twice', [answer(503), answer(503), manners.ok], 3],
    ['429 once', [answer(429), manners.ok], 2],
    ['429 for no time', [answer(429, { 'retry-after': '0' }), manners.ok], 2],
    ['a connection that is closed', [manners.hangUp, manners.ok], 2],
    ['an answer that is late', [manners.silent, manners.ok], 2],
  ])('arrives after %s', async (_, behaviour, count) => {
    receiver.behave(...behaviour);
    expect((await send()).problem).toBe(null);
    expect(receiver.received).toHaveLength(count);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  it.each<[string, Manner, string, number]>([
    ['500 each time', answer(500, {}, 'oh no'), 'it answered 500: oh no', 3],
    [
      '429 for longer than there is time',
      answer(429, { 'retry-after': '60' }, 'slow down'),
      'it answered 429: slow down',
      1,
    ],
    ['404', answer(404, {}, 'no_service'), 'it answered 404: no_service', 1],
    ['401', answer(401), 'it answered 401', 1],
    [
      'a redirect',
      answer(307, { location: 'http://127.0.0.1:9/elsewhere' }),
      'it answered 307 (redirects are not followed)',
      1,
    ],
    [
      'a secret of ours',
      answer(403, {}, `bad token ${SECRET}${'.'.repeat(300)}`),
      'it answered 403: bad token [redacted]',
      1,
    ],
    [
      'a secret that would be cut',
      answer(403, {}, `${'.'.repeat(190)} ${SECRET}`),
      `it answered 403: ${'.'.repeat(190)} [redact`,
      1,
    ],
  ])('is given up after %s', async (_, manner, says, count) => {
    receiver.behave(manner);
    const { problem } = await send();
    expect(problem).toContain(says);
    expect(problem).not.toMatch(/T0000000|hunter/);
    expect(receiver.received).toHaveLength(count);
  });

  it('has arrived once its server says so, although the answer is cut', async () => {
    receiver.behave(manners.cut);
    expect((await send()).problem).toBe(null);
    expect(receiver.received).toHaveLength(1);
  });

  it('does not read an answer without an end', async () => {
    receiver.behave(manners.flood);
    const { problem, ms } = await send();
    expect(problem).toMatch(/^it answered 400: x+/);
    expect(problem?.length).toBeLessThan(300);
    expect(ms).toBeLessThan(1_000);
  });

  it('takes a login from its URL, which is not shown', async () => {
    expect((await send(receiver.url.replace('http://', 'http://me:p%40ss@'))).problem).toBe(null);
    expect(receiver.received[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  it('ends at once when it is told to', async () => {
    receiver.behave(manners.silent);
    const controller = new AbortController();
    const sending = send(undefined, controller.signal);
    await receiver.until(1);
    controller.abort(new Error('enough'));
    const { problem, ms } = await sending;
    expect(problem).toBe('enough');
    expect(ms).toBeLessThan(450);
  });
});
