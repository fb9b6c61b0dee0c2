import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const SRC = fileURLToPath(new URL('../../../src', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../../package.json', import.meta.url));
const NODE_MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

const compilerOptions: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};

export interface Compiled {
  readonly directory: string;
  /** Writes a script beside the compiled sources (imports are './operation/lock.js'); returns its path. */
  script(name: string, code: string): Promise<string>;
  remove(): Promise<void>;
}

/** Compiles what src/operation needs, so that plain `node` processes, dozens of them, start quickly. */
export const compileSources = async (): Promise<Compiled> => {
  const directory = await mkdtemp(join(tmpdir(), 'kaleem-compiled-'));
  await symlink(NODE_MODULES, join(directory, 'node_modules'));
  const { imports } = JSON.parse(await readFile(PACKAGE, 'utf8')) as { readonly imports: unknown };
  const here = JSON.stringify({ type: 'module', imports }).replaceAll('./dist/', './');
  await writeFile(join(directory, 'package.json'), here);
  const files = ['operation', 'system', 'system/failpoints', 'config'].map(async (folder) =>
    (await readdir(join(SRC, folder))).filter((name) => name.endsWith('.ts')).map((name) => join(folder, name)),
  );
  for (const file of ['errors.ts', ...(await Promise.all(files)).flat()]) {
    const source = await readFile(join(SRC, file), 'utf8');
    const target = join(directory, file.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, ts.transpileModule(source, { compilerOptions }).outputText);
  }
  return {
    directory,
    script: async (name, code) => {
      const path = join(directory, `${name}.js`);
      await writeFile(path, code);
      return path;
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
};
