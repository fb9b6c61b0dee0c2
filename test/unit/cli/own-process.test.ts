import { expect, it } from 'vitest';
import { ownProcess, runnerEnvironment, withoutAllocator } from '../../../src/cli/own-process.ts';

it('is started as this one was, and what runs an operation with less memory for what is young', () => {
  expect(ownProcess('main')).toEqual([process.execPath, ...process.execArgv, expect.stringMatching(/\/main\.ts$/)]);
  expect(ownProcess('runner-process').slice(-2)).toEqual([
    '--max-semi-space-size=1',
    expect.stringMatching(/\/runner-process\.ts$/),
  ]);
});

it('has an allocator of its own, which the programs that it starts know nothing of', () => {
  const given = { PATH: '/bin', MALLOC_ARENA_MAX: '8' };
  const environment = runnerEnvironment(given);
  expect(environment).toEqual({ ...given, MALLOC_MMAP_THRESHOLD_: '524288' });
  expect(withoutAllocator(environment)).toEqual(given);
});
