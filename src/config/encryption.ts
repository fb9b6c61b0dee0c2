import { resolve } from 'node:path';
import { DeployError } from '../errors.ts';
import { assertOnlyOwnerWrites } from '../system/permissions.ts';
import { ageLines, checkRecipient, holdsSecretKey } from './age.ts';
import type { EncryptionConfig } from './config.ts';
import { readText } from './read-text.ts';
import type { Resolver } from './resolver.ts';
import type { ConfigFile } from './schema.ts';
import type { Path } from './source.ts';

const AT = ['backup', 'encryption'] as const;

/** A path that somebody put the key itself into would be shown by whatever can't open it. */
const pathAt = (given: string, at: Path, { base, resolver }: { base: string; resolver: Resolver }): string => {
  if (!holdsSecretKey(given)) return resolve(base, given);
  throw new DeployError('config-unsafe', `${resolver.place(at)} is a secret key; it must be the path of a file`, {
    hint: 'put the key into a file of its own, chmod 600',
  });
};

/** Whoever can change this file can have every later backup encrypted to themselves. */
const recipientsIn = async (path: string, place: string): Promise<readonly string[]> => {
  const content = await readText(path, { code: 'config-invalid', shown: path, where: place });
  await assertOnlyOwnerWrites(path, `${place}: ${path}`);
  const found: string[] = [];
  for (const { number, text } of ageLines(content)) found.push(await checkRecipient(text, `${path}:${number}`));
  return found;
};

/** Whom backups are encrypted to; null: they are not encrypted. The identity file is looked at when it is needed. */
export const resolveEncryption = async (
  file: ConfigFile['backup'],
  options: { base: string; resolver: Resolver },
): Promise<EncryptionConfig | null> => {
  const given = file?.encryption;
  if (given === undefined) return null;
  const { resolver } = options;
  const recipients: string[] = [];
  for (const [index, text] of (given.recipients ?? []).entries()) {
    recipients.push(await checkRecipient(text, resolver.place([...AT, 'recipients', index])));
  }
  if (given.recipients_file !== undefined) {
    const at = [...AT, 'recipients_file'];
    recipients.push(...(await recipientsIn(pathAt(given.recipients_file, at, options), resolver.place(at))));
  }
  if (recipients.length === 0) {
    throw new DeployError('config-invalid', `${resolver.place(AT)} names no recipient`, {
      hint: '`age-keygen -o key.txt` prints one: recipients: [age1...]; keep key.txt somewhere else than on this server',
    });
  }
  return {
    recipients: [...new Set(recipients)],
    identityFile:
      given.identity_file === undefined ? null : pathAt(given.identity_file, [...AT, 'identity_file'], options),
  };
};
