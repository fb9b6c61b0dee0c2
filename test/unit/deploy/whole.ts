import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { API, allRunning, RESTART_POLICIES, type World } from './world.ts';

/** Files of the project that nobody asked for. */
const leftovers = async (world: World): Promise<readonly string[]> => {
  const names = await readdir(world.directory, { recursive: true });
  return names.filter((name) => /(^|\/)\./.test(name.replace(/^\.(kaleem|env)/, ''))).sort();
};

const isRunning = (world: World, tag: string): boolean => {
  const wanted = allRunning(world, tag);
  const found = world.running();
  return [...Object.keys(wanted), ...Object.keys(found)].every((name) => wanted[name] === found[name]);
};

/** Whole, one version or the other, and nothing of any operation is left. */
export const expectWhole = async (world: World): Promise<void> => {
  const live = ['v1', 'v2'].find((tag) => isRunning(world, tag)) ?? 'neither';
  expect(live, JSON.stringify(world.running())).not.toBe('neither');
  expect(await world.env()).toBe(`# the shop\nAPI_IMAGE=${API}:${live}\nCOLOUR=blue\n`);
  expect(world.policies()).toEqual(RESTART_POLICIES);
  await expect(stat(join(world.directory, '.kaleem', 'fence.json'))).rejects.toThrow('ENOENT');
  const releases = await world.releases();
  if (releases.length > 0)
    expect(releases.filter(({ status }) => status === 'live').map(({ tag }) => tag)).toEqual([live]);
  expect(await leftovers(world)).toEqual([]);
  const outcomes = (await world.history()).map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === null || outcome === 'halted')).toEqual([]);
};
