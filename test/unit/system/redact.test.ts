import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/system/redact.ts';

const redacting = (...secrets: readonly string[]) => {
  const redactor = createRedactor();
  for (const secret of secrets) redactor.add(secret);
  return redactor.redact;
};

describe('redact', () => {
  it('masks every place of a secret and nothing else', () => {
    expect(redacting('hunter2')('a hunter2 b hunter2c')).toBe('a [redacted] b [redacted]c');
    expect(redacting()('nothing to hide')).toBe('nothing to hide');
  });

  it('leaves values that are too short to be a secret', () => {
    expect(redacting('abc', '')('abcabc')).toBe('abcabc');
  });

  it('leaves no tail of a secret that contains, follows or overlaps another, whichever was added first', () => {
    for (const secrets of [
      ['pass', 'password'],
      ['password', 'pass'],
    ]) {
      expect(redacting(...secrets)('my password')).toBe('my [redacted]');
    }
    expect(redacting('abcd', 'cdef')('xabcdefx')).toBe('x[redacted]x');
    expect(redacting('aaaa')('aaaaaa')).toBe('[redacted]');
  });

  it('does not take its own mask for a secret', () => {
    expect(redacting('hunter2', 'redacted')('hunter2')).toBe('[redacted]');
  });

  it('takes secrets literally', () => {
    expect(redacting('a.*$&')('xxxx a.*$& $1')).toBe('xxxx [redacted] $1');
  });

  const secret = 'p@ss w:rd/"é"!\\';
  it.each([
    ['percent-encoded', encodeURIComponent(secret)],
    ['percent-encoded in lower case', encodeURIComponent(secret).replace(/%../g, (c) => c.toLowerCase())],
    ['percent-encoded strictly', encodeURIComponent(secret).replaceAll('!', '%21')],
    ['in a form', encodeURIComponent(secret).replaceAll('%20', '+')],
    ['inside JSON', JSON.stringify(secret).slice(1, -1)],
    ['in base64', Buffer.from(secret).toString('base64')],
    ['in base64url', Buffer.from(secret).toString('base64url')],
  ])('masks a secret %s', (_, text) => {
    expect(redacting(secret)(`x ${text} y`)).toMatch(/^x \[redacted\] y$/);
  });

  it.each(['', 'u:', 'us:', 'use:', 'user:'])('masks most of a secret in base64 after %j', (prefix) => {
    const encoded = Buffer.from(`${prefix}correct horse battery`).toString('base64');
    const shown = redacting('correct horse battery')(`Basic ${encoded}`);
    expect(shown).toContain('[redacted]');
    const left = shown.replace('[redacted]', '').slice('Basic '.length);
    // What is left is the prefix's own share and at most the characters it shares with the secret.
    expect(left.length).toBeLessThanOrEqual(Math.ceil((prefix.length * 8) / 6) + 5);
  });

  it('masks each long line of a secret of several lines', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\r\nshort\n-----END KEY-----\n';
    const redact = redacting(key);
    expect(redact(`> ${key}`)).toBe('> [redacted]');
    expect(redact('line: MIIEvQIBADANBgkqhkiG')).toBe('line: [redacted]');
    expect(redact('a short word')).toBe('a short word');
  });

  it('takes a secret that is not well-formed text', () => {
    expect(redacting('abc\ud800def')('x abc\ud800def')).toBe('x [redacted]');
  });
});
