import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeployError } from '../../../src/errors.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { createRedactor } from '../../../src/system/redact.ts';

export const SECRET = 'hunter2-hunter2';

export const options = () => {
  const redactor = createRedactor();
  redactor.add(SECRET);
  return { clock: systemClock, redactor };
};

export const temporaryDirectory = (): Promise<string> => mkdtemp(join(tmpdir(), 'kaleem-operation-'));

export const removeDirectory = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

/** What a call rejects with, which must be a DeployError. */
export const failureOf = async (call: Promise<unknown>): Promise<DeployError> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof DeployError) return error;
    throw error;
  }
  throw new Error('it did not fail');
};
