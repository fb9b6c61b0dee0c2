// Bundles the command into FOLDER (default: dist) with all it needs: a deploy starts Node twice, and finding and reading
// some 900 modules one by one took most of a second.
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Files that are run, or loaded by their path. `chunks` is as deep as they are: paths beside them stay right. */
const ENTRIES = [
  'src/cli/main.ts',
  'src/cli/runner-process.ts',
  'src/deploy/fence/responder-process.ts',
  'src/system/failpoints/none.ts',
  'src/system/failpoints/armed.ts',
];

/** Packages in CommonJS ask for Node's own modules, and for optional ones, with `require`. */
const REQUIRE =
  "import { createRequire as createRequireHere } from 'node:module';\nconst require = createRequireHere(import.meta.url);";

/** A package in CommonJS that is imported when it is needed has its default export only: `(await import('yaml')).default`. */
const bundle = async (outdir: string): Promise<Metafile> => {
  const { metafile } = await build({
    ...{ absWorkingDir: ROOT, entryPoints: ENTRIES, outbase: 'src', outdir },
    ...{ bundle: true, splitting: true, chunkNames: 'chunks/[name]-[hash]' },
    ...{ format: 'esm', platform: 'node', target: 'node20', metafile: true, logLevel: 'warning' },
    // Which of the two it is, is decided when the command starts.
    // Compiled pieces of ssh2, which does without them.
    external: ['#failpoint', '*.node', 'cpu-features'],
    banner: { js: REQUIRE },
    // Packages in CommonJS again: ssh2's WebAssembly asks where it is.
    define: { __dirname: 'import.meta.dirname' },
  });
  return metafile;
};

const LICENCE_FILE = /^(?:licen[cs]e|copying|notice)/i;

/** The licences of what was bundled ask to be handed on with it. */
const licences = async ({ inputs }: Metafile): Promise<string> => {
  const packages = new Set(
    Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  const texts = await Promise.all(
    [...packages].sort().map(async (folder) => {
      const { name, version, license } = JSON.parse(await readFile(join(ROOT, folder, 'package.json'), 'utf8')) as {
        readonly [key in 'name' | 'version' | 'license']: string;
      };
      const files = (await readdir(join(ROOT, folder))).filter((file) => LICENCE_FILE.test(file));
      const read = await Promise.all(files.map((file) => readFile(join(ROOT, folder, file), 'utf8')));
      return [`${name} ${version} (${license})`, ...read.map((text) => text.trim())].join('\n\n');
    }),
  );
  return `${texts.join('\n\n----\n\n')}\n`;
};

const outdir = process.argv[2] ?? join(ROOT, 'dist');
await rm(outdir, { recursive: true, force: true });
await writeFile(join(outdir, 'LICENSES-OF-PACKAGES.txt'), await licences(await bundle(outdir)));
await chmod(join(outdir, 'cli/main.js'), 0o755);
