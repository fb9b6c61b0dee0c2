import { join } from 'node:path';
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { maskedConfig } from '../../../src/config/describe.ts';
import { type Files, failure, load, project } from './project.ts';

const identity = await generateX25519Identity();
const [one, two] = [await identityToRecipient(identity), await identityToRecipient(await generateX25519Identity())];
/** A line such as "AGE-SECRET-KEY-1..." in upper and lower case. */
const shownKey = new RegExp(identity.slice(16, 60), 'i');

const loaded = async (yaml: string, files: Files = {}) => {
  const directory = await project({ 'kaleem-deploy.yml': yaml, ...files });
  const { encryption } = (await load(directory)).backup;
  return { directory, encryption };
};

describe('backup.encryption', () => {
  it('is off unless the file has it', async () => {
    expect((await loaded('app: kaleem\n')).encryption).toBeNull();
  });

  it('takes recipients, one or several', async () => {
    for (const yaml of [`[${one}]`, one]) {
      expect((await loaded(`backup: {encryption: {recipients: ${yaml}}}\n`)).encryption).toEqual({
        ...{ recipients: [one], identityFile: null },
      });
    }
  });

  it('takes them from a file too, and paths from the folder of the configuration', async () => {
    const { encryption, directory } = await loaded(
      `backup:\n  encryption:\n    recipients: [${one}]\n    recipients_file: keys/recipients.txt\n    identity_file: keys/identity.txt\n`,
      { 'keys/recipients.txt': `# me\n${one}\n\n  ${two}  \n` },
    );
    expect(encryption).toEqual({ recipients: [one, two], identityFile: join(directory, 'keys/identity.txt') });
  });

  it('is shown by `config`', async () => {
    const directory = await project({ 'kaleem-deploy.yml': `backup: {encryption: {recipients: ${one}}}\n` });
    expect(maskedConfig(await load(directory))).toMatchObject({ backup: { encryption: { recipients: [one] } } });
  });
});

const bad: readonly {
  what: string;
  yaml: string;
  files?: Files;
  code: string;
  says: readonly string[];
  hint: string;
}[] = [
  {
    what: 'no recipient',
    yaml: 'app: kaleem\nbackup:\n  encryption: {}\n',
    code: 'config-invalid',
    says: ['kaleem-deploy.yml:3: backup.encryption names no recipient'],
    hint: 'age-keygen',
  },
  {
    what: 'a file without one',
    yaml: 'backup: {encryption: {recipients_file: r}}\n',
    files: { r: '# nobody\n' },
    code: 'config-invalid',
    says: ['backup.encryption names no recipient'],
    hint: 'age-keygen',
  },
  {
    what: 'something else',
    yaml: `backup:\n  encryption:\n    recipients:\n      - ${one}\n      - me@example.com\n`,
    code: 'config-invalid',
    says: ["kaleem-deploy.yml:5: backup.encryption.recipients[1]: 'me@example.com' is no age recipient"],
    hint: 'age-keygen',
  },
  {
    what: 'a recipient with a typing error',
    yaml: `backup: {encryption: {recipients: ${one.slice(0, -1)}${one.endsWith('q') ? 'p' : 'q'}}}\n`,
    code: 'config-invalid',
    says: ['backup.encryption.recipients[0]', one.slice(0, -1), 'its checksum is wrong'],
    hint: 'age-keygen',
  },
  {
    what: 'a recipient that was cut off',
    yaml: `backup: {encryption: {recipients: ${one.slice(0, 40)}}}\n`,
    code: 'config-invalid',
    says: [one.slice(0, 40), 'is no age recipient'],
    hint: '58 letters and digits',
  },
  {
    what: 'an SSH key',
    yaml: 'backup: {encryption: {recipients: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me}}\n',
    code: 'config-invalid',
    says: ["'ssh-ed25519 AAAAC3NzaC1lZDI1NT...' is an SSH key, which is not supported"],
    hint: 'no other kind is supported',
  },
  {
    what: "a plugin's recipient",
    yaml: 'backup: {encryption: {recipients: age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t}}\n',
    code: 'config-invalid',
    says: ["a plugin's recipient, which is not supported"],
    hint: 'no other kind is supported',
  },
  {
    what: 'a post-quantum recipient',
    yaml: `backup: {encryption: {recipients: ${await identityToRecipient(await generateHybridIdentity())}}}\n`,
    code: 'config-invalid',
    says: ['is a post-quantum recipient, which is not supported'],
    hint: 'no other kind is supported',
  },
  {
    what: 'a secret key as a recipient',
    yaml: `backup: {encryption: {recipients: ${identity}}}\n`,
    code: 'config-unsafe',
    says: ['kaleem-deploy.yml:1: backup.encryption.recipients[0] is a secret key (an identity), not a recipient'],
    hint: 'age-keygen -y',
  },
  {
    what: 'a secret key in small letters',
    yaml: `backup: {encryption: {recipients: [${identity.toLowerCase()}]}}\n`,
    code: 'config-unsafe',
    says: ['is a secret key'],
    hint: 'age-keygen -y',
  },
  {
    what: 'a secret key in the file of recipients',
    yaml: 'backup: {encryption: {recipients_file: r}}\n',
    files: { r: `# created\n${identity}\n` },
    code: 'config-unsafe',
    says: ['r:2 is a secret key'],
    hint: 'age-keygen -y',
  },
  {
    what: 'a secret key where a path belongs',
    yaml: `backup: {encryption: {recipients: ${one}, identity_file: ${identity}}}\n`,
    code: 'config-unsafe',
    says: ['backup.encryption.identity_file is a secret key; it must be the path of a file'],
    hint: 'chmod 600',
  },
  {
    what: 'a secret key in several lines where a path belongs',
    yaml: `backup: {encryption: {recipients: ${one}, identity_file: "# me\\n${identity}"}}\n`,
    code: 'config-invalid',
    says: ['backup.encryption.identity_file must be a path, not a secret key'],
    hint: 'docs/configuration.md',
  },
  {
    what: 'a file of recipients that is not there',
    yaml: 'backup: {encryption: {recipients_file: nowhere}}\n',
    code: 'config-invalid',
    says: ['backup.encryption.recipients_file', 'nowhere: there is no such file'],
    hint: '',
  },
  {
    what: 'a file of recipients that others can change',
    yaml: 'backup: {encryption: {recipients_file: r}}\n',
    files: { r: { text: one, mode: 0o666 } },
    code: 'config-unsafe',
    says: ['backup.encryption.recipients_file', 'can be changed by every user'],
    hint: 'chmod go-w',
  },
];

describe('backup.encryption with a mistake', () => {
  it.each(bad)('is refused: $what', async ({ yaml, files, code, says, hint }) => {
    const error = await failure(load(await project({ 'kaleem-deploy.yml': yaml, ...files })));
    expect(error.code).toBe(code);
    for (const part of says) expect(error.message).toContain(part);
    expect(error.hint ?? '').toContain(hint);
    expect([error.message, error.hint, ...error.details].join('\n')).not.toMatch(shownKey);
  });
});
