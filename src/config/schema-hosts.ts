import { z } from 'zod';
import { isHostName, isUserName } from './host-name.ts';
import { matching, oneOrMore, path, strict, text, wholeNumber } from './schema-values.ts';

const hostName = (what: string) => matching(what, { test: isHostName });

const host = strict({
  address: hostName('the name or the address of a host').optional(),
  port: wholeNumber(1, 65_535).optional(),
  user: matching('the name of a user', { test: isUserName }).optional(),
  identity_file: path.optional(),
  directory: path.optional(),
  program: oneOrMore(text, 'words: the program, and what stands before it').optional(),
});

/** Where `--host NAME` leads. */
export const hosts = z.record(hostName('the name of a host'), host, { error: 'a map of hosts' });
export type HostInput = z.output<typeof host>;
