import { stat } from 'node:fs/promises';
import { replaceFile } from '../../system/durable-file.ts';
import { readIdentities } from './identities.ts';

const contentOf = (identity: string, recipient: string, createdAt: Date): string =>
  [
    `# created: ${createdAt.toISOString()}`,
    `# public key: ${recipient}`,
    "# This server's own key to its encrypted backups, made by kaleem-deploy, so that it can verify and restore them by itself.",
    '# Without it, and without an identity of one of your own recipients, they cannot be read. Keep it private.',
    identity,
    '',
  ].join('\n');

/**
 * The recipient of the server's own identity, in the file at `path`, which is made (0600, durably) where there is none. What is
 * there is never replaced: earlier backups may need it.
 *
 * @throws DeployError 'config-invalid', 'config-unsafe' when what is there is no identity file, or is open to others
 */
export const serverRecipient = async (path: string, now: Date): Promise<string> => {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption');
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (there === null) {
    const identity = await generateX25519Identity();
    await replaceFile(path, contentOf(identity, await identityToRecipient(identity), now), { mode: 0o600 });
  }
  // From the disk, in both cases: what a recovery will find there.
  const [identity = ''] = await readIdentities(path);
  return identityToRecipient(identity);
};
