import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

/** Packages that are loaded before a command does anything, whatever it is: each costs each command its time and memory. */
const packagesOf = async (entry: string): Promise<readonly string[]> => {
  const { metafile } = await build({
    absWorkingDir: fileURLToPath(new URL('../../../', import.meta.url)),
    ...{ entryPoints: [entry], outdir: 'out', write: false, metafile: true, logLevel: 'silent' },
    ...{ bundle: true, splitting: true, format: 'esm', platform: 'node', packages: 'external' },
  });
  const first = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === entry)?.[0] ?? '';
  const seen = new Set([first]);
  const packages = new Set<string>();
  for (const path of seen) {
    for (const { path: imported, kind, external } of metafile.outputs[path]?.imports ?? []) {
      if (kind !== 'import-statement') continue;
      if (external) packages.add(imported);
      else seen.add(imported);
    }
  }
  return [...packages].filter((name) => !name.startsWith('node:') && !name.startsWith('#')).sort();
};

it('a command starts with the package that reads command lines, and no other', async () => {
  expect(await packagesOf('src/cli/start.ts')).toEqual(['commander']);
});

it('the agent stays with what it needs', async () => {
  expect(await packagesOf('src/agent/serve.ts')).toEqual(['cron', 'execa']);
});
