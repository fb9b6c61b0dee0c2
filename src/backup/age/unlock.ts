import { DeployError, messageOf } from '../../errors.ts';
import { archiveInvalid } from '../archive/invalid.ts';
import { openHeader } from './header.ts';
import { readIdentities } from './identities.ts';

const noIdentity = (path: string, kinds: readonly string[], tried: readonly string[]): DeployError => {
  if (kinds.includes('scrypt')) {
    return new DeployError('identity-missing', `${path} is encrypted with a passphrase, which nobody can type here`, {
      hint: `age -d -o plain.archive.gz ${path}; then use plain.archive.gz, and remove it afterwards`,
    });
  }
  return new DeployError('identity-missing', `${path} is encrypted, and no identity at hand can decrypt it`, {
    hint: 'name the file with the identity of one of its recipients: --identity FILE',
    details: tried,
  });
};

/** It is not damaged for that. */
export const isIdentityMissing = (error: unknown): error is DeployError =>
  error instanceof DeployError && error.code === 'identity-missing';

/**
 * The file key in an age header, by the first of these identity files that can unwrap it; one that can't be read is passed over.
 * 'identity-missing' says what was tried; 'backup-invalid': the header is damaged.
 */
export const unlock = async (path: string, header: Buffer, identityFiles: readonly string[]): Promise<Buffer> => {
  const tried: string[] = [];
  let kinds: readonly string[] = [];
  // Once without any, so that a damaged header is found, and is called so, whatever identities there are.
  for (const file of [null, ...identityFiles]) {
    let identities: readonly string[] = [];
    try {
      if (file !== null) identities = await readIdentities(file);
    } catch (error) {
      tried.push(messageOf(error));
      continue;
    }
    const opened = await openHeader(header, identities).catch((error: unknown) => {
      throw archiveInvalid(path, `its age header is damaged: ${messageOf(error)}`, error);
    });
    if ('fileKey' in opened) return opened.fileKey;
    kinds = opened.kinds;
    if (file !== null) tried.push(`the identity in ${file} is none of its recipients'`);
  }
  throw noIdentity(path, kinds, tried);
};
