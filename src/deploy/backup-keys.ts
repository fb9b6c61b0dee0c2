import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIdentities } from '../backup/age/identities.ts';
import { serverRecipient } from '../backup/age/server-identity.ts';
import { isIdentityMissing } from '../backup/age/unlock.ts';
import { ByteSource } from '../backup/archive/byte-source.ts';
import { listBackups } from '../backup/catalogue.ts';
import { isEncrypted } from '../backup/manifest.ts';
import type { Config } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import type { Context } from './context.ts';

type KeysConfig = Pick<Config, 'backup' | 'stateDirectory'>;

/** The server's own identity: with it an undo needs nobody. It is kept when encryption is turned off, for what was encrypted. */
export const serverIdentityFile = ({ stateDirectory }: Pick<Config, 'stateDirectory'>): string =>
  join(stateDirectory, 'backup-identity.txt');

/** The identity files that may decrypt a backup, in the order they are tried. `given`: by `--identity`. */
export const identityFiles = (config: KeysConfig, given: string | null = null): readonly string[] =>
  [serverIdentityFile(config), config.backup.encryption?.identityFile ?? null, given].filter((file) => file !== null);

/** The same, for a person who named one: it must be one, even where another opens the backup. */
export const checkedIdentityFiles = async (config: KeysConfig, given: string | null): Promise<readonly string[]> => {
  if (given !== null) await readIdentities(given);
  return identityFiles(config, given);
};

/** Whom the next backup is encrypted to; null: it is not. Makes the server's identity where there is none yet. */
export const recipientsOf = async ({
  config,
  clock,
}: Pick<Context, 'config' | 'clock'>): Promise<readonly string[] | null> => {
  const { encryption } = config.backup;
  if (encryption === null) return null;
  return [...new Set([...encryption.recipients, await serverRecipient(serverIdentityFile(config), clock.now())])];
};

/** Refuses, before anything is touched, an identity of the server's that no backup could be read with afterwards. */
export const checkServerIdentity = async (config: KeysConfig): Promise<void> => {
  const path = serverIdentityFile(config);
  if (config.backup.encryption === null || (await stat(path).catch(() => null)) === null) return;
  await readIdentities(path);
};

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const canDecrypt = async (path: string, files: readonly string[]): Promise<boolean> => {
  const source = await ByteSource.open(path, files);
  const chunks = source.chunks();
  try {
    await chunks.next();
    return true;
  } catch (error) {
    // Whatever else is wrong with it is for `backup verify` to find.
    return !isIdentityMissing(error);
  } finally {
    await chunks.return(undefined);
    await source.close();
  }
};

/** What `doctor` says: whether this server can read the encrypted backups that it has, and will be able to read the next. */
export const keysFinding = async (config: KeysConfig): Promise<string> => {
  const { encryption, directory } = config.backup;
  const files = identityFiles(config);
  const encrypted = (await listBackups(directory)).filter(({ path, bytes }) => isEncrypted(path) && bytes !== null);
  const locked: string[] = [];
  for (const { id, path } of encrypted) if (!(await canDecrypt(path, files))) locked.push(id);
  await checkServerIdentity(config);
  if (encryption !== null && encryption.identityFile !== null) await readIdentities(encryption.identityFile);
  if (locked.length > 0) {
    throw new DeployError(
      'check-failed',
      `no identity on this server can decrypt ${locked.length} of ${counted(encrypted.length, 'encrypted backup')}: ${locked.slice(0, 3).join(', ')}`,
      {
        hint: `put ${serverIdentityFile(config)} back from a copy, or name an identity of yours: \`backup.encryption.identity_file\``,
      },
    );
  }
  const held = encrypted.length === 0 ? '' : `; ${counted(encrypted.length, 'encrypted backup')} can be decrypted here`;
  if (encryption === null) return `off${held}`;
  return `to ${counted(encryption.recipients.length, 'recipient')} and this server${held}`;
};
