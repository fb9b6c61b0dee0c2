import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of its own with a gate's configuration, and a folder `app` for the project; removed when the test is over. */
export const gateFolder = async (yaml: string): Promise<string> => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'kaleem-gate-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'app'));
  await writeFile(join(folder, 'gate.yml'), yaml);
  await chmod(join(folder, 'gate.yml'), 0o644);
  return folder;
};

export type Recorded = Readonly<Record<string, unknown>>;

/** Every line of a record, oldest first. */
export const recorded = async (record: string): Promise<readonly Recorded[]> => {
  const names = (await readdir(record)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(record, name), 'utf8')));
  return texts
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Recorded);
};
