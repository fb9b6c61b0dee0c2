import { readFile } from 'node:fs/promises';
import type { StateDirectory } from '../operation/state.ts';

/** The fence that was raised by hand. */
export interface Maintenance {
  readonly operation: string;
  readonly since: string;
  readonly responderPid: number;
  readonly policies: Readonly<Record<string, string>>;
}

/** In the state directory. */
export const MAINTENANCE_FILE = 'maintenance.json';

/** Null: no fence was raised by hand. */
export const readMaintenance = async (state: StateDirectory | null): Promise<Maintenance | null> => {
  if (state === null) return null;
  const text = await readFile(state.file(MAINTENANCE_FILE), 'utf8').catch(() => '');
  return text === '' ? null : (JSON.parse(text) as Maintenance);
};
