import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { RenderedProject } from '../compose/rendered.ts';
import type { Operation } from '../operation/operations.ts';
import type { Snapshot, SnapshotFile } from '../operation/releases.ts';
import { makeDirectory, replaceFile } from '../system/durable-file.ts';
import type { Context } from './context.ts';

/** What is larger is data, not configuration, and is not kept. */
const LARGEST_FILE = 1024 * 1024;
const MOST_FILES = 200;

/** The configuration files under a path: itself, or those in the directory and below. */
const filesUnder = async (path: string): Promise<readonly string[]> => {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return info.size <= LARGEST_FILE ? [path] : [];
  if (!info?.isDirectory()) return [];
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.length > MOST_FILES ? [] : (await Promise.all(files.map(filesUnder))).flat();
};

/** What a release is made of beside its images and data: the rendered compose file, `.env`, and mounted config files. */
export const takeSnapshot = async (context: Context, rendered: RenderedProject): Promise<Snapshot> => {
  const { compose } = context.config;
  const mounted = Object.values(rendered.services).flatMap((service) => service.bindFiles);
  const paths = [...new Set([...compose.files, compose.envFile, ...mounted])];
  const existing = [...new Set((await Promise.all(paths.map(filesUnder))).flat())];
  const files = await Promise.all(
    existing.map(async (path): Promise<SnapshotFile> => {
      const [content, { mode }] = await Promise.all([readFile(path), stat(path)]);
      return { path, mode: mode & 0o777, content };
    }),
  );
  return { compose: rendered.text, files };
};

/**
 * Puts back the files that a release mounts, where they differ now. The user's compose files and `.env` (`spare`) are
 * theirs, and stay. What is replaced is kept first in `keepIn`.
 */
const restoreMountedFiles = async (
  snapshot: Snapshot,
  spare: ReadonlySet<string>,
  keepIn: string,
): Promise<readonly { readonly path: string; readonly kept: string }[]> => {
  const replaced: { path: string; kept: string }[] = [];
  for (const [index, file] of snapshot.files.entries()) {
    if (spare.has(file.path)) continue;
    const now = await readFile(file.path).catch(() => null);
    if (now !== null && Buffer.compare(now, file.content) === 0) continue;
    const kept = join(keepIn, `replaced-${index}-${basename(file.path)}`);
    if (now !== null) await replaceFile(kept, now);
    // The folder may have gone with it. What is mounted must be within reach of whoever a container runs as.
    else await makeDirectory(dirname(file.path), 0o755);
    await replaceFile(file.path, file.content, { mode: file.mode });
    replaced.push({ path: file.path, kept });
  }
  return replaced;
};

/** The same within a run, naming what was replaced. */
export const putFilesBack = async (
  { context, operation }: { readonly context: Context; readonly operation: Pick<Operation, 'directory'> },
  snapshot: Snapshot,
): Promise<void> => {
  const { files, envFile } = context.config.compose;
  for (const { path, kept } of await restoreMountedFiles(snapshot, new Set([...files, envFile]), operation.directory)) {
    context.progress.warn(`${path} is the old release's again; what was there is kept as ${kept}`);
  }
};

/** Services that mount a file which is not what the release had: they need a new container to see it. */
export const remountedServices = async (
  snapshot: Snapshot,
  rendered: RenderedProject,
): Promise<ReadonlySet<string>> => {
  const now = await Promise.all(snapshot.files.map((file) => readFile(file.path).catch(() => null)));
  const differing = snapshot.files.filter((file, index) => {
    const content = now[index];
    return content === null || content === undefined || Buffer.compare(content, file.content) !== 0;
  });
  const touches = (mount: string): boolean =>
    differing.some(({ path }) => path === mount || path.startsWith(`${mount}/`));
  return new Set(
    Object.values(rendered.services)
      .filter((service) => service.bindFiles.some(touches))
      .map((service) => service.name),
  );
};
