import { expect } from 'vitest';
import { servedVersion } from './asking.ts';
import type { Outcome } from './command.ts';
import type { Stack } from './stack.ts';

/** As compose.yml says; what it does not name is `unless-stopped`. */
const RESTART_POLICIES: Readonly<Record<string, string>> = {};
const SMALL_RESTART_POLICIES: Readonly<Record<string, string>> = { redis: 'always' };

/** A failed expectation about an exit code that does not say what the command said would be a riddle. */
export const expectExit = (outcome: Outcome, code: number): void => {
  if (outcome.code !== code) {
    throw new Error(`exit ${outcome.code} instead of ${code}\n${outcome.stdout}\n${outcome.stderr}`);
  }
};

interface Recorded {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly outcome: string | null;
  readonly exitCode: number | null;
}

/** What `history` says of the last operation. */
export const lastOperation = async (stack: Stack): Promise<Recorded> => {
  const { json } = await stack.run('history', '-n', '1', '--json');
  const [last] = json as readonly Recorded[];
  if (last === undefined) throw new Error('no operation was recorded');
  return last;
};

/**
 * What must hold whenever the tool has ended on its own: everything runs under its own restart policy, visitors meet
 * this version through nginx and at the api's own port, `.env` names it, and nothing of the tool's is left behind.
 */
export const expectServes = async (stack: Stack, version: string, size: 'small' | 'full' = 'small'): Promise<void> => {
  const containers = await stack.containers();
  const policies = size === 'small' ? SMALL_RESTART_POLICIES : RESTART_POLICIES;
  expect(containers.map(({ service, state, restartPolicy }) => [service, state, restartPolicy]).sort()).toEqual(
    containers.map(({ service }) => [service, 'running', policies[service] ?? 'unless-stopped']).sort(),
  );
  expect(containers).toHaveLength(size === 'small' ? 4 : 7);
  expect(await servedVersion(stack.httpPort)).toBe(version);
  expect(await servedVersion(stack.apiPort)).toBe(version);
  expect(await stack.fenceRules()).toEqual([]);
  expect((await stack.collections()).filter((name) => name.startsWith('kaleem-deploy_'))).toEqual([]);
};

export const expectEnvTag = async (stack: Stack, tag: string): Promise<void> => {
  const text = await stack.read('.env');
  expect(text).toMatch(/^# Written by hand: this comment stays\.$/m);
  expect(text).toMatch(new RegExp(`^KALEEM_API_IMAGE=\\S+/kaleem-api:${tag}$`, 'm'));
};
