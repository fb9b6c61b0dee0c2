import { systemClock } from '../system/clock.ts';
import type { Parts } from './workspace.ts';

/** The real world, each piece loaded when it is first needed. */
export const realParts: Parts = {
  clock: systemClock,
  loadConfig: async (input) => (await import('../config/load.ts')).loadConfig(input),
  collectSecrets: async (config) => (await import('../config/secrets.ts')).collectSecrets(config),
  openApp: async (options) => (await import('../deploy/app.ts')).openApp(options),
};
