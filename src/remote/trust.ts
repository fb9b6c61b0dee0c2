import { createHmac, randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory, syncDirectory } from '../system/durable-file.ts';
import { around } from '../system/failpoints/around.ts';
import { keyType } from '../system/ssh/public-key.ts';

/** As `ssh-keygen -H` writes names: HMAC-SHA1 of the name, with a salt. */
const hashed = (name: string): string => {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
};

/**
 * Adds a host's key to a known_hosts file, so that a power cut does not lose it. Other programs add lines too, so nothing
 * is replaced.
 */
export const trustHostKey = async (
  file: string,
  { name, key, hash }: { readonly name: string; readonly key: Buffer; readonly hash: boolean },
): Promise<void> => {
  await makeDirectory(dirname(file));
  const old = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  // Somebody's editor may have left out the last newline.
  const gap = old === '' || old.endsWith('\n') ? '' : '\n';
  const line = `${gap}${hash ? hashed(name) : name} ${keyType(key)} ${key.toString('base64')}\n`;
  await around('ssh.trust', async () => {
    const handle = await open(file, 'a', 0o600);
    try {
      await handle.writeFile(line);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
  await syncDirectory(dirname(file));
};
