import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { DeployError } from '../../errors.ts';
import { sha256Of } from '../../system/sha256.ts';
import { VERSION } from '../../version-number.ts';
import type { Tool } from './step.ts';
import { type Entry, tarOf } from './tar.ts';

const DIGEST_CHARACTERS = 12;

/** What the running program is built into. Throws 'unsupported' for one that runs from its sources. */
const builtFolder = (): string => {
  if (extname(import.meta.url) === '.js') return fileURLToPath(new URL('../', import.meta.url));
  throw new DeployError('unsupported', 'this kaleem-deploy runs from its sources, and a host gets a built one', {
    hint: 'npm run build, then node dist/cli/main.js setup ...',
  });
};

/** The program and what its modules are found by, packed; `dist` lies beside its package.json. */
export const packTool = async (dist: string): Promise<Tool> => {
  const below = await readdir(dist, { recursive: true, withFileTypes: true });
  const files = below.filter((each) => each.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const entry = async (path: string, name: string): Promise<Entry> => ({
    ...{ name, content: await readFile(path), executable: name === 'dist/cli/main.js' },
  });
  const entries = await Promise.all([
    entry(join(dist, '../package.json'), 'package.json'),
    ...files.sort().map((path) => entry(path, `dist/${relative(dist, path)}`)),
  ]);
  const archive = tarOf(entries);
  return {
    version: VERSION,
    folder: `${VERSION}-${sha256Of(archive).slice(0, DIGEST_CHARACTERS)}`,
    archive: await promisify(gzip)(archive),
  };
};

/** The program that runs. */
export const packThisTool = async (): Promise<Tool> => packTool(builtFolder());
