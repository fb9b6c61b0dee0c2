import { describe, expect, it } from 'vitest';
import { findKnownHost, fingerprint, keyType } from '../../../../src/backup/copies/known-hosts.ts';

/** A public key as it goes over the wire: its type and something. */
const keyOf = (type: string, content: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(content)]);
};
const KEY = keyOf('ssh-ed25519', 'one');
const OTHER = keyOf('ssh-ed25519', 'two');
const RSA = keyOf('ssh-rsa', 'three');
const line = (hosts: string, key = KEY): string => `${hosts} ${keyType(key)} ${key.toString('base64')} a comment\n`;

describe('known_hosts', () => {
  it.each([
    ['the name alone', line('attic'), 'attic', 22],
    ['one of several names', line('10.0.0.1,attic'), 'attic', 22],
    ['in another case', line('Attic'), 'attic', 22],
    ['a pattern', line('*.example.com'), 'attic.example.com', 22],
    ['a pattern of one character', line('attic?'), 'attic1', 22],
    ['a port of its own', line('[attic]:2222'), 'attic', 2222],
    ['after comments and empty lines', `# attic\n\n\t${line('attic')}`, 'attic', 22],
    // ssh-keygen -H of `attic ssh-ed25519 ...`, worked out by openssl: HMAC-SHA1 of the name with the salt.
    ['a hash', line('|1|c2FsdHNhbHRzYWx0c2FsdHNhbHQ=|khWx7vkHed4jmdI3HrKYzGJD3jI='), 'attic', 22],
  ])('knows a key by %s', (_, text, host, port) => {
    expect(findKnownHost(text, host, port).judge(KEY)).toBe('known');
    expect(findKnownHost(text, host, port).judge(OTHER)).toBe('changed');
  });

  it.each([
    ['nothing', '', 'attic', 22],
    ['another host', line('cellar'), 'attic', 22],
    ['a name within the name', line('tic'), 'attic', 22],
    ['the host at another port', line('attic'), 'attic', 2222],
    ['a pattern that leaves it out', line('*.example.com,!attic.example.com'), 'attic.example.com', 22],
    ['a dot that is no pattern', line('a.tic'), 'attic', 22],
    ['a certificate authority', `@cert-authority ${line('attic')}`, 'attic', 22],
  ])('knows no key by %s', (_, text, host, port) => {
    expect(findKnownHost(text, host, port).judge(KEY)).toBe('unknown');
  });

  it('knows a revoked one, whatever else it says', () => {
    expect(findKnownHost(`${line('attic')}@revoked ${line('*')}`, 'attic', 22).judge(KEY)).toBe('revoked');
  });

  it('tells which types of keys are known', () => {
    expect(findKnownHost(line('attic') + line('attic', RSA) + line('cellar', OTHER), 'attic', 22).types).toEqual([
      'ssh-ed25519',
      'ssh-rsa',
    ]);
  });

  it('shows a key as ssh-keygen does', () => {
    expect(fingerprint(KEY)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  });
});
