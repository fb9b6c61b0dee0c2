import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { DeployError } from '../../../src/errors.ts';

/** Paths to contents. A mode may be given beside the text. */
export type Files = Readonly<Record<string, string | Uint8Array | { readonly text: string; readonly mode: number }>>;

export const COMPOSE = 'services: {api: {image: $KALEEM_API_IMAGE}}\n';
export const ENV = 'KALEEM_API_IMAGE=ghcr.io/o/r/kaleem-api:v0.0.1\nMONGODB_URI=mongodb://mongo:27017/kaleem\n';

/** A real folder with these files, removed when the test is over. Beside them: a compose file and a `.env`, unless given. */
export const project = async (files: Files = {}, options: { readonly bare?: boolean } = {}): Promise<string> => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'kaleem-config-')));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const all: Files = options.bare ? files : { 'compose.yml': COMPOSE, '.env': ENV, ...files };
  for (const [name, content] of Object.entries(all)) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    const hasMode = typeof content === 'object' && 'mode' in content;
    await writeFile(path, hasMode ? content.text : content);
    await chmod(path, hasMode ? content.mode : 0o644);
  }
  return directory;
};

export interface Typed {
  readonly environment?: Readonly<Record<string, string>>;
  readonly configPath?: string;
  readonly destination?: string;
  /** A folder of the project that the command is typed in. */
  readonly in?: string;
}

export const load = (directory: string, typed: Typed = {}): Promise<Config> =>
  loadConfig({
    cwd: join(directory, typed.in ?? ''),
    environment: typed.environment ?? {},
    configPath: typed.configPath ?? null,
    destination: typed.destination ?? null,
  });

export const failure = async (run: Promise<unknown>): Promise<DeployError> => {
  const error = await run.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DeployError) return error;
  throw error ?? new Error('nothing was thrown');
};

/** Every file with its content: to show that nothing changed. */
export const contents = async (directory: string): Promise<ReadonlyMap<string, string>> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.sort().map(async (file) => [file, await readFile(file, 'latin1')] as const)));
};
