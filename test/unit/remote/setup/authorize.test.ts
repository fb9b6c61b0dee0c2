import { describe, expect, it } from 'vitest';
import { authorizedIn, authorizedLine, keyStep, publicKeyIn } from '../../../../src/remote/setup/authorize.ts';
import { BARE, decide, KEY, READY, WISHES, would } from './found.ts';

const [TYPE = '', BLOB = ''] = KEY.split(' ');
const COMMAND = '/usr/bin/sudo -n /usr/local/bin/kaleem-deploy gate --config /etc/kaleem-deploy/gate.yml --key deploy';
const LINE = `restrict,command="${COMMAND}" ${KEY}`;
const key = publicKeyIn(KEY) ?? { type: '', blob: '', comment: '' };

describe('a public key', () => {
  it('is understood with or without a comment, which is made harmless', () => {
    expect(publicKeyIn(`  ${TYPE} ${BLOB}\n`)).toEqual({ type: TYPE, blob: BLOB, comment: '' });
    expect(publicKeyIn(`${TYPE} ${BLOB} a  b\u001b[2Jé`)?.comment).toBe('a b?[2J?');
  });

  it.each([
    '',
    'ssh-ed25519',
    `${TYPE} ${BLOB}\n${TYPE} ${BLOB}`,
    `ssh-rsa ${BLOB}`,
    `ssh-dss ${BLOB}`,
    `command="x" ${TYPE} ${BLOB}`,
    `${TYPE} ${BLOB}";x`,
    '-----BEGIN OPENSSH PRIVATE KEY-----',
  ])('is not %j', (text) => expect(publicKeyIn(text)).toBeNull());
});

describe('authorized_keys', () => {
  it('gets a line that starts the gate and can do nothing else', () => expect(authorizedLine(key)).toBe(LINE));

  it.each([
    ['', 'no'],
    [`# ${LINE}\n`, 'no'],
    [`ssh-ed25519 ${'A'.repeat(68)} other\n`, 'no'],
    [`${LINE}\n`, 'yes'],
    [`ssh-rsa AAAA x\n${LINE.replace('somebody', 'nobody')}\n`, 'yes'],
    [`restrict,command="${COMMAND.replace('/usr/bin/sudo', 'sudo')}" ${TYPE} ${BLOB}\n`, 'outdated'],
    [`${LINE}\n${LINE}\n`, 'outdated'],
    [`${KEY}\n`, 'otherwise'],
    [`command="${COMMAND}" ${KEY}\n`, 'otherwise'],
    [`restrict,pty,command="${COMMAND}" ${KEY}\n`, 'otherwise'],
    [`${LINE}\n${KEY}\n`, 'otherwise'],
    [`restrict,command="/usr/bin/kaleem-deploy gate --key ci" ${KEY}\n`, 'otherwise'],
  ] as const)('%j says: %s', (text, expected) => expect(authorizedIn(text, key)).toBe(expected));
});

describe('the deploy key', () => {
  it('is authorized once, and made first where there is none', () => {
    expect(would(keyStep, { ...READY, keys: `${LINE}\n` })).toBeNull();
    expect(would(keyStep, READY)).toBe('let ~/.ssh/kaleem-deploy_prod log in as kaleem-deploy, for the gate alone');
    expect(would(keyStep, BARE, { key: { ...WISHES.key, publicKey: null } })).toBe(
      'make ~/.ssh/kaleem-deploy_prod and let it log in as kaleem-deploy, for the gate alone',
    );
  });

  it('that can do more already, or is none, is refused', () => {
    const refusal = (message: string) =>
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(message) });
    expect(() => decide(keyStep, { ...READY, keys: `${KEY}\n` })).toThrow(refusal('with more rights than the gate'));
    expect(() => decide(keyStep, READY, { key: { ...WISHES.key, publicKey: 'x' } })).toThrow(
      refusal('is no public key'),
    );
    expect(() => decide(keyStep, { ...READY, keys: 'x'.repeat(65_536) })).toThrow(refusal('is too long'));
  });
});
