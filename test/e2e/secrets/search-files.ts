import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { foundIn, type Sentinel } from './sentinels.ts';

/** Files that are made of `.env`, so that a rollback needs nothing else: they may hold secrets, for their owner only. */
const MAY_HOLD_SECRETS = [
  /^\.env$/,
  /^registry-password$/,
  /^\.kaleem\/releases\/[^/]+\/(compose\.json|files\/\d+)$/,
  /^\.kaleem\/operations\/[^/]+\/((old-)?compose\.json|env-before)$/,
];

/** `name`: relative to the project's folder. */
export const mayHoldSecrets = (name: string): boolean => MAY_HOLD_SECRETS.some((pattern) => pattern.test(name));

/** All files of a folder, and those with a sentinel in them, gzipped ones unpacked; names are relative to it. */
export const searchFiles = async (
  directory: string,
  sentinels: readonly Sentinel[],
): Promise<{ readonly files: readonly string[]; readonly holding: readonly string[] }> => {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
  const holding: string[] = [];
  for (const name of files) {
    const bytes = await readFile(join(directory, name));
    const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
    if (foundIn(text, sentinels).length > 0) holding.push(name);
  }
  return { files, holding };
};
