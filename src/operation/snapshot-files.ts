import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { createFile, makeDirectory, syncDirectory } from '../system/durable-file.ts';
import { sha256Of } from '../system/sha256.ts';
import { filesSchema, type Snapshot, type SnapshotFile } from './release.ts';
import { damaged } from './state-error.ts';

export const COMPOSE_FILE = 'compose.json';

const contentPath = (directory: string, index: number): string =>
  join(directory, 'files', String(index).padStart(3, '0'));

const readState = (path: string): Promise<Buffer> =>
  readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? damaged(path, 'it is missing') : error;
  });

/** Reads a JSON file of the state. */
export const readStateJson = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
  const text = (await readState(path)).toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, 'it is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damaged(path, `${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'not as expected'}`);
};

/** Writes compose.json, files/NNN and files.json into a directory nobody looks at yet. */
export const writeSnapshot = async (directory: string, { compose, files }: Snapshot): Promise<void> => {
  await makeDirectory(join(directory, 'files'));
  await createFile(join(directory, COMPOSE_FILE), compose);
  for (const [index, { content }] of files.entries()) await createFile(contentPath(directory, index), content);
  const index = filesSchema.parse({
    compose: sha256Of(compose),
    // The file's type bits, where the caller passes them on, are not permissions.
    files: files.map(({ path, mode, content }) => ({ path, mode: mode & 0o7777, sha256: sha256Of(content) })),
  });
  await createFile(join(directory, 'files.json'), `${JSON.stringify(index, null, 2)}\n`);
  await syncDirectory(join(directory, 'files'));
  await syncDirectory(directory);
};

const checked = async (path: string, sha256: string): Promise<Buffer> => {
  const content = await readState(path);
  if (sha256Of(content) !== sha256) throw damaged(path, 'its content is not what was saved');
  return content;
};

/** Reads a snapshot back, each file checked against its SHA-256. */
export const readSnapshot = async (directory: string): Promise<Snapshot> => {
  const index = await readStateJson(join(directory, 'files.json'), filesSchema);
  const compose = await checked(join(directory, COMPOSE_FILE), index.compose);
  const files: SnapshotFile[] = [];
  for (const [at, { path, mode, sha256 }] of index.files.entries()) {
    files.push({ path, mode, content: await checked(contentPath(directory, at), sha256) });
  }
  return { compose: compose.toString(), files };
};
