import { execFile } from 'node:child_process';
import { access, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { findMutants, KINDS, type Kind, type Mutant } from './mutants.ts';

// Does every fsync, every call of the fence and every call of the lock matter to some test? Each is left out, one at a
// time, in a copy of the tree, and the tests that should notice are run, quick ones first, until one fails.
//
//   node --import tsx scripts/mutation-check.ts [--list] [--only TEXT] [--quick]
//
// `--only`: the mutants whose name contains TEXT. `--quick`: without the tests of whole stacks. The test bed must be up. A table goes to stdout; exit 1 when one survived.

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const run = promisify(execFile);
const SEED = '1';
const LONGEST_MS = 15 * 60 * 1000;

/** Test files by kind, in the order in which they are asked. A folder stands for all that is in it. */
const SUITES: Readonly<Record<Kind, readonly (readonly [project: string, ...files: readonly string[]])[]>> = {
  fsync: [
    ['integration', 'test/integration/system'],
    ['unit', 'test/unit/operation', 'test/unit/system', 'test/unit/backup'],
    ['torture', 'test/torture/lost-cache.test.ts'],
  ],
  lock: [
    ['unit', 'test/unit/operation', 'test/unit/deploy/operate.test.ts', 'test/unit/deploy/lock-calls.test.ts'],
    ['unit', 'test/unit/deploy'],
    ['e2e', 'test/e2e/refusals.test.ts'],
    ['e2e', 'test/e2e/killed.test.ts'],
    ['torture', 'test/torture/concurrency.test.ts'],
  ],
  fence: [
    ['unit', 'test/unit/deploy/fence-calls.test.ts', 'test/unit/deploy/runbook.test.ts'],
    ['integration', 'test/integration/deploy'],
    ['unit', 'test/unit/deploy'],
    ['e2e', 'test/e2e/killed.test.ts'],
    ['e2e', 'test/e2e/bad-versions.test.ts'],
    ['e2e', 'test/e2e/main-job.test.ts'],
    ['e2e', 'test/e2e/by-hand.test.ts'],
    ['torture', 'test/torture/reboot.test.ts'],
  ],
};

const { values } = parseArgs({
  options: { list: { type: 'boolean' }, only: { type: 'string' }, quick: { type: 'boolean' } },
});

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

interface Verdict {
  readonly passed: boolean;
  /** The first test that failed. */
  readonly failed: string | null;
}

interface Tree {
  readonly directory: string;
  /** The built command in it. */
  readonly cli: string;
}

/** A copy of what the tests need, built. */
const copyTree = async (): Promise<Tree> => {
  const directory = await mkdtemp(join(tmpdir(), 'kaleem-mutants-'));
  for (const name of ['src', 'test', 'compose', 'scripts', 'package.json', 'tsconfig.json']) {
    await cp(join(ROOT, name), join(directory, name), { recursive: true });
  }
  await cp(join(ROOT, 'vitest.config.ts'), join(directory, 'vitest.config.ts'));
  for (const name of ['docs', 'CHANGELOG.md', 'README.md']) await symlink(join(ROOT, name), join(directory, name));
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const tree = { directory, cli: join(directory, 'dist/cli/main.js') };
  await build(tree);
  return tree;
};

/** Types are not looked at: a mutant need not have good ones. */
const build = async ({ directory }: Tree): Promise<void> => {
  await run(process.execPath, ['--import', 'tsx', 'scripts/build.ts'], { cwd: directory });
};

const put = async (tree: Tree, file: string, source: string): Promise<void> => {
  await writeFile(join(tree.directory, file), source);
  await build(tree);
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const ask = async (tree: Tree, [project, ...files]: readonly [string, ...string[]]): Promise<Verdict> => {
  const output = join(tree.directory, 'report.json');
  await rm(output, { force: true });
  const argv = ['run', '--project', project, '--bail', '1', '--reporter=json', `--outputFile=${output}`, ...files];
  const env = { ...process.env, KALEEM_TEST_CLI: tree.cli, KALEEM_TORTURE: 'short', KALEEM_TORTURE_SEED: SEED };
  const vitest = join(tree.directory, 'node_modules/vitest/vitest.mjs');
  const passed = await run(process.execPath, [vitest, ...argv], {
    ...{ cwd: tree.directory, env, timeout: LONGEST_MS, maxBuffer: 2 ** 28 },
  }).then(
    () => true,
    () => false,
  );
  if (passed) return { passed, failed: null };
  const report = await readFile(output, 'utf8').then(
    (text) => JSON.parse(text) as Report,
    () => ({ testResults: [] }),
  );
  const failures = report.testResults.flatMap(({ name, message, assertionResults }) => {
    const file = name.replace(`${tree.directory}/`, '');
    const failed = assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
    if (failed.length === 0 && message !== '') return [`${file}: ${message.split('\n')[0]}`];
    return failed.map((fullName) => `${file}: ${fullName}`);
  });
  return { passed, failed: failures[0] ?? `${files.join(' ')}: no report` };
};

/** What killed the mutant; null: nothing did. */
const judge = async (
  tree: Tree,
  mutant: Mutant,
  isSound: (suite: readonly [string, ...string[]]) => Promise<boolean>,
) => {
  for (const [project, ...files] of SUITES[mutant.kind]) {
    if (values.quick === true && (project === 'e2e' || project === 'torture')) continue;
    const there: string[] = [];
    for (const file of files) if (await exists(join(tree.directory, file))) there.push(file);
    if (there.length === 0) continue;
    const suite: readonly [string, ...string[]] = [project, ...there];
    await put(tree, mutant.file, mutant.source);
    const { failed } = await ask(tree, suite);
    await put(tree, mutant.file, mutant.original);
    if (failed !== null && (await isSound(suite))) return failed;
  }
  return null;
};

const mutants = (await findMutants(join(ROOT, 'src'))).filter(({ name }) => name.includes(values.only ?? ''));
for (const kind of KINDS) {
  if (values.only === undefined && !mutants.some((each) => each.kind === kind))
    throw new Error(`found no ${kind} call`);
}
if (values.list === true) {
  for (const { kind, name } of mutants) console.log(`${kind}  ${name}`);
  process.exit(0);
}

const tree = await copyTree();
const sound = new Map<string, Promise<boolean>>();
/** A test that fails without a mutant, too, has noticed nothing. */
const isSound = (suite: readonly [string, ...string[]]): Promise<boolean> => {
  const key = suite.join(' ');
  const known = sound.get(key);
  if (known !== undefined) return known;
  const asked = ask(tree, suite).then(({ passed, failed }) => {
    if (!passed) console.error(`${key} fails without a mutant: ${failed}`);
    return passed;
  });
  sound.set(key, asked);
  return asked;
};

let survivors = 0;
try {
  console.log('| removed | killed by |\n|---|---|');
  for (const mutant of mutants) {
    const killer = await judge(tree, mutant, isSound);
    if (killer === null) survivors += 1;
    console.log(`| ${mutant.kind}: ${mutant.name} | ${killer ?? '**SURVIVED**'} |`);
  }
} finally {
  await rm(tree.directory, { recursive: true, force: true });
}
console.log(`\n${mutants.length} mutants, ${survivors} survived`);
process.exitCode = survivors === 0 ? 0 : 1;
