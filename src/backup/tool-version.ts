import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Who wrote an archive: for people, nothing depends on it. */
export const TOOL_VERSION = `kaleem-deploy ${version}`;
