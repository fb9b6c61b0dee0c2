import type { RemoteHost } from '../config/config.ts';
import { fromHome } from '../config/home.ts';
import { quoteWord } from '../system/ssh/quote.ts';

/** Relative ones start where a login begins, whatever CDPATH says. */
const folder = (path: string): string => {
  const inHome = fromHome(path, '.');
  return /^[./]/.test(inHome) ? inHome : `./${inHome}`;
};

/**
 * The command line for the other host: the program and its arguments as plain words, which a forced command can take apart
 * again; with a folder, what a shell needs to go there first.
 */
export const remoteCommand = (
  { directory, program }: Pick<RemoteHost, 'directory' | 'program'>,
  argv: readonly string[],
): string => {
  const words = [...program, ...argv].map(quoteWord).join(' ');
  return directory === null ? words : `cd ${quoteWord(folder(directory))} && exec ${words}`;
};
