import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/config/nearest.ts';

const KEYS = ['app', 'images', 'health', 'keep_last', 'state_directory', 'pre-deploy'];

describe('nearest', () => {
  it.each([
    ['helath', 'health'],
    ['image', 'images'],
    ['keepLast', 'keep_last'],
    ['STATE-DIRECTORY', 'state_directory'],
    ['state', 'state_directory'],
    ['predeploy', 'pre-deploy'],
    ['application', 'app'],
    ['ap', 'app'],
  ])('takes %s for %s', (typed, meant) => {
    expect(nearest(typed, KEYS)).toBe(meant);
  });

  it.each(['zzz', 'retention', 'x', ''])('finds nothing near %j', (typed) => {
    expect(nearest(typed, KEYS)).toBeNull();
  });

  it('finds nothing among nothing', () => {
    expect(nearest('app', [])).toBeNull();
  });
});
