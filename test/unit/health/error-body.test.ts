import { describe, expect, test } from 'vitest';
import { errorInBody } from '../../../src/health/error-body.ts';

const json = 'application/json';

describe('an error', () => {
  test.each([
    [{ status: 'error' }, 'the body\'s status is "error"'],
    [{ status: 'DOWN' }, 'the body\'s status is "DOWN"'],
    [{ Status: 'Unhealthy' }, 'the body\'s status is "Unhealthy"'],
    [{ state: 'failed' }, 'the body\'s state is "failed"'],
    [{ status: 'OUT_OF_SERVICE' }, 'the body\'s status is "OUT_OF_SERVICE"'],
    [{ status: 'not ok' }, 'the body\'s status is "not ok"'],
    [{ ok: false }, "the body's ok is false"],
    [{ healthy: false, status: 'ok' }, "the body's healthy is false"],
    [{ success: false }, "the body's success is false"],
    [{ ready: false }, "the body's ready is false"],
    [{ status: false }, "the body's status is false"],
    [{ error: 'no database' }, 'the body has an "error"'],
    [{ error: { code: 1 } }, 'the body has an "error"'],
    [{ error: true }, 'the body has an "error"'],
    [{ error: 42 }, 'the body has an "error"'],
    [{ data: null, errors: [{}] }, 'the body has an "errors"'],
    ['down', 'the body says "down"'],
  ])('%j', (document, problem) => {
    expect(errorInBody(json, JSON.stringify(document))).toBe(problem);
  });

  test('JSON that is not labelled as such', () => {
    expect(errorInBody('', '{"status":"fail"}')).not.toBeNull();
    expect(errorInBody('text/html', ' {"status":"fail"}')).not.toBeNull();
    expect(errorInBody('application/health+json', '{"status":"fail"}')).not.toBeNull();
  });

  test('a label of JSON on something else', () => {
    expect(errorInBody(json, 'oops')).toBe('the body says it is JSON and does not parse');
    expect(errorInBody(json, '{"cut": ')).toBe('the body says it is JSON and does not parse');
  });

  test.each(['error', 'DOWN\n', 'Unhealthy.', 'Error: no database', 'out of service'])('text: %j', (text) => {
    expect(errorInBody('text/plain', text)).toContain('the body says');
    expect(errorInBody('', text)).toContain('the body says');
  });
});

describe('no error', () => {
  test.each([
    { status: 'ok' },
    { status: 'UP', components: { db: { status: 'DOWN' } } },
    { status: 'degraded' },
    { status: 200, error: null },
    { error: '', errors: [] },
    { error: false },
    { error: 0 },
    { error: {} },
    { message: 'error' },
    ['error'],
    null,
    true,
  ])('%j', (document) => {
    expect(errorInBody(json, JSON.stringify(document))).toBeNull();
  });

  test.each([
    ['text/plain', 'ok'],
    ['text/plain', 'no error'],
    ['text/plain', 'Down the road all is well'],
    ['text/html', 'error'],
    ['text/plain', '{curly text'],
    [json, ''],
    ['', ''],
  ])('%s %j', (type, text) => {
    expect(errorInBody(type, text)).toBeNull();
  });
});

test('a megabyte of anything is judged in no time', () => {
  const started = performance.now();
  for (const piece of [' ', 'a', 'error ', '{', '\n-']) errorInBody('', piece.repeat(1024 * 1024));
  expect(performance.now() - started).toBeLessThan(2000);
});
