import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What starts another process of this program, as this one was started: `main`, or what runs an operation. */
export const ownProcess = (entry: 'main' | 'runner-process'): readonly string[] => [
  ...[process.execPath, ...process.execArgv],
  fileURLToPath(new URL(`../cli/${entry}${extname(import.meta.url)}`, import.meta.url)),
];
