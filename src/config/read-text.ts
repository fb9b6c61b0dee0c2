import { open } from 'node:fs/promises';
import { DeployError, type ErrorCode } from '../errors.ts';

const LARGEST = 1024 * 1024;

/** What the operating system said, in words. */
const reasonOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'a part of the path is not a folder',
    EACCES: 'this user may not read it',
    EISDIR: 'it is a folder',
    ELOOP: 'its symbolic links go in a circle',
  };
  return words[code] ?? code;
};

const encodingProblem = (bytes: Buffer): string => {
  const mark = bytes.subarray(0, 2).toString('hex');
  return mark === 'fffe' || mark === 'feff' ? 'it is UTF-16' : 'it is not UTF-8';
};

export interface ReadTextOptions {
  /** Code of the error for whatever is wrong. */
  readonly code: ErrorCode;
  /** How messages call the file. */
  readonly shown: string;
  /** Put before the message: the file and line that name this one. */
  readonly where?: string;
}

/** Reads a whole text file: regular, UTF-8, without NUL bytes, at most 1 MiB (these are files that people write). */
export const readText = async (path: string, { code, shown, where }: ReadTextOptions): Promise<string> => {
  const fail = (problem: string, hint?: string): never => {
    const message = `${where === undefined ? '' : `${where}: `}can't read ${shown}: ${problem}`;
    throw new DeployError(code, message, hint === undefined ? {} : { hint });
  };
  // Non-blocking: opening a named pipe would wait for its writer.
  const handle = await open(path, 'r').catch((error) => fail(reasonOf(error)));
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) fail(stats.isDirectory() ? 'it is a folder' : 'it is not a regular file');
    if (stats.size > LARGEST) fail(`it has ${stats.size} bytes, more than ${LARGEST}`);
    const bytes = await handle.readFile();
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return fail(encodingProblem(bytes), `save ${shown} as UTF-8`);
    }
    if (text.includes('\0')) fail('it has a NUL byte');
    return text;
  } finally {
    await handle.close();
  }
};
