import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, start } from '../../support/command.ts';
import { fingerprintOf } from '../../support/database.ts';
import type { Stack } from '../../support/stack.ts';
import { type BadInput, type Place, textOf } from './bad-input.ts';
import { filesOf } from './folder-fingerprint.ts';

/** The environment of what is run, and nothing else. */
const environment = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', NO_COLOR: '1' };
const COMMAND_MS = 60_000;

/** What one bad input led to. */
export interface Attempt {
  readonly text: Outcome;
  /** Null for what is slow. */
  readonly json: Outcome | null;
  readonly place: Place;
  /** Everything that must not have changed. */
  readonly before: unknown;
  readonly after: unknown;
}

/** The project as the outside sees it: containers, their states and starts, the fence, the content of the database. */
const projectOf = async (stack: Stack, database: string): Promise<unknown> => {
  const [containers, rules, content] = await Promise.all([
    stack.containers(),
    stack.fenceRules(),
    fingerprintOf(database),
  ]);
  return {
    containers: containers
      .map(({ service, id, state, startedAt, restartPolicy }) =>
        [service, id, state, startedAt, restartPolicy].join(' '),
      )
      .sort(),
    ...{ rules, content },
  };
};

const spoil = async (bad: BadInput, place: Place): Promise<void> => {
  const at = (name: string) => join(place.directory, name);
  const write = (name: string, text: string) => writeFile(at(name), text, { mode: 0o600 });
  if (bad.yaml !== undefined) await write('kaleem-deploy.yml', bad.yaml);
  if (bad.compose !== undefined) await write('compose.yml', bad.compose(await readFile(at('compose.yml'), 'utf8')));
  if (bad.variables !== undefined || bad.lines !== undefined) {
    let env = await readFile(at('.env'), 'utf8');
    for (const [name, value] of Object.entries(bad.variables ?? {})) {
      const rest = env.replace(new RegExp(`^${name}=.*\n`, 'm'), '');
      env = value === null ? rest : `${rest}${name}=${textOf(value, place)}\n`;
    }
    await write('.env', `${env}${bad.lines ?? ''}`);
  }
  await bad.prepare?.(place);
};

/** All files but the notes of what a verification found: those are its result. */
const changeable = (files: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(files).filter(([name]) => !/^backups\/[^/]+\.verified\.json$/.test(name)));

/** One at a time, in the order they were asked for. */
const queue = () => {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
};

export interface Attempts {
  attempt(bad: BadInput): Promise<Attempt>;
  cleanup(): Promise<void>;
}

export const openAttempts = async (stack: Stack, tool: string, facts: Omit<Place, 'directory'>): Promise<Attempts> => {
  const copies = await mkdtemp(join(tmpdir(), 'kaleem-bad-inputs-'));
  const pristine = join(copies, 'pristine');
  const copy = (from: string, to: string) => cp(from, to, { recursive: true, preserveTimestamps: true });
  await copy(stack.directory, pristine);
  const database = await stack.databaseAddress();
  const inTurn = queue();
  let count = 0;

  const restore = async (): Promise<void> => {
    for (const name of await readdir(stack.directory)) await rm(join(stack.directory, name), { recursive: true });
    await copy(pristine, stack.directory);
  };

  const tryIn = async (bad: BadInput, directory: string): Promise<Attempt> => {
    const place = { ...facts, directory };
    await spoil(bad, place);
    const argv = (bad.argv ?? ['v0.0.5']).map((text) => textOf(text, place));
    // The two of them want the same lock.
    const wait = bad.code === 2 && bad.here !== true ? [] : ['--lock-wait', '50'];
    const run = (...words: readonly string[]) =>
      start([process.execPath, tool, ...wait, ...words], {
        cwd: directory,
        env: environment,
        timeoutMs: COMMAND_MS,
      }).ended;
    const look = async () => ({
      files: changeable(await filesOf(directory)),
      project: await projectOf(stack, database),
    });
    const before = await look();
    const [text, json] = await Promise.all([run(...argv), bad.slow === true ? null : run('--json', ...argv)]);
    return { ...{ text, json, place, before }, after: await look() };
  };

  return {
    async attempt(bad) {
      if (bad.here === true) {
        return inTurn(async () => {
          try {
            return await tryIn(bad, stack.directory);
          } finally {
            await restore();
          }
        });
      }
      count += 1;
      const directory = join(copies, String(count));
      await mkdir(directory);
      await copy(pristine, directory);
      return tryIn(bad, directory);
    },
    cleanup: () => rm(copies, { recursive: true, force: true }),
  };
};
