import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setVariables } from '../../../src/config/env-edit.ts';
import { parseEnvFile } from '../../../src/config/env-file.ts';
import { systemCommands } from '../../../src/system/command.ts';
import { NASTY_VALUES, ODD_ENV_FILES, REFUSED_ENV_FILES } from '../../unit/config/odd-env-files.ts';

// What `docker compose` itself makes of an env file is the truth; ours must be the same. No engine is needed for it.

const UNSET = '<unset>';
const NAMES = ['A', 'B', 'C', 'D', 'F_1', 'KEY', 'KEPT', 'BOUND'];
/** In the environment of both. */
const PROCESS = { KEPT: 'from the process', BOUND: 'bound' };

let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaleem-env-'));
  const lines = NAMES.map((name) => `      ${name}: "\${${name}-${UNSET}}"`);
  await writeFile(
    join(directory, 'compose.yml'),
    ['services:', '  probe:', '    image: probe', '    environment:', ...lines].join('\n'),
  );
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const composeReads = async (text: string): Promise<Record<string, string> | null> => {
  await writeFile(join(directory, '.env'), text);
  const result = await systemCommands.run(['docker', 'compose', 'config', '--format', 'json'], {
    cwd: directory,
    env: { PATH: process.env.PATH ?? '', HOME: directory, ...PROCESS },
    timeoutMs: 20_000,
  });
  if (result.exitCode !== 0) return null;
  const rendered = JSON.parse(result.stdout) as { services: { probe: { environment: Record<string, string> } } };
  return Object.fromEntries(
    Object.entries(rendered.services.probe.environment).map(([name, value]) => [name, value.replaceAll('$$', '$')]),
  );
};

const weRead = (text: string): Record<string, string> => {
  const process: Readonly<Record<string, string>> = PROCESS;
  const values = parseEnvFile(text, '.env', (name) => process[name]);
  return Object.fromEntries(NAMES.map((name) => [name, process[name] ?? values.get(name)?.value ?? UNSET]));
};

describe('env files are read as docker compose reads them', () => {
  it.each(ODD_ENV_FILES)('%j', async (text) => {
    const truth = await composeReads(text);
    expect(truth).not.toBeNull();
    expect(weRead(text)).toEqual(truth);
  });

  it.each(REFUSED_ENV_FILES)('refused by both: %j', async (text) => {
    expect(await composeReads(text)).toBeNull();
    expect(() => weRead(text)).toThrow(/^\.env:\d+: /);
  });
});

describe('what is written into an env file is what docker compose reads back', () => {
  const before = '# notes\nexport A=\'old\' # why\nB=keep\r\nC="two\nlines"\n';

  it.each(NASTY_VALUES)('%j', async (value) => {
    const after = setVariables(before, { A: value, D: value });
    const truth = await composeReads(after);
    expect(truth).toMatchObject({ A: value, B: 'keep', C: 'two\nlines', D: value });
  });
});
