import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}
interface Job {
  readonly needs?: string;
  readonly environment?: string;
  readonly steps: readonly Step[];
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const action = parse(read('.github/actions/deploy/action.yml')) as {
  readonly inputs: Readonly<Record<string, { readonly required?: boolean; readonly default?: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
};
const workflow = parse(read('.github/workflows/release.yml')) as {
  readonly on: { readonly push: { readonly tags: readonly string[] } };
  readonly jobs: Readonly<Record<string, Job>>;
};
const script = read('scripts/ci-deploy.sh');
const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

test('the action hands every input on, to a variable that the script knows', () => {
  const env = action.runs.steps[0]?.env ?? {};
  const handed = Object.values(env).map((value) => /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(value)?.[1]);
  expect(handed.toSorted()).toEqual(Object.keys(action.inputs).toSorted());
  for (const name of Object.keys(env).filter((each) => each !== 'TAG')) expect(script).toContain(`\${${name}:-`);
});

test('the workflow gives the action what it requires and nothing that it does not have', () => {
  const deploys = steps.filter(({ uses }) => uses === './.github/actions/deploy');
  expect(deploys).toHaveLength(2);
  const required = Object.entries(action.inputs).flatMap(([name, { required = false }]) => (required ? [name] : []));
  for (const { with: given = {} } of deploys) {
    expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
    expect(Object.keys(given)).toEqual(expect.arrayContaining(required));
  }
});

test('a tag is tested, built, and live in staging before it comes to production', () => {
  expect(workflow.on.push.tags).toEqual(['v*']);
  const order = Object.entries(workflow.jobs).map(([name, { needs, environment }]) => [name, needs, environment]);
  expect(order).toEqual([
    ['test', undefined, undefined],
    ['images', 'test', undefined],
    ['staging', 'images', 'staging'],
    ['production', 'staging', 'production'],
  ]);
});

test('nothing that somebody else may choose stands in a script: it comes in through variables', () => {
  for (const { run = '' } of [...steps, ...action.runs.steps]) expect(run).not.toContain('${{');
});
