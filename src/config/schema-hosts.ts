import { z } from 'zod';
import { isHostName, isUserName } from './host-name.ts';
import { oneOrMore, path, rule, strict, text, wholeNumber } from './schema-values.ts';

const matching = (what: string, fits: (text: string) => boolean) =>
  rule(what, (input) => (typeof input === 'string' && fits(input) ? input : undefined));

const host = strict({
  address: matching('the name or the address of a host', isHostName).optional(),
  port: wholeNumber(1, 65_535).optional(),
  user: matching('the name of a user', isUserName).optional(),
  identity_file: path.optional(),
  directory: path.optional(),
  program: oneOrMore(text, 'words: the program, and what stands before it').optional(),
});

/** Where `--host NAME` leads. */
export const hosts = z.record(matching('the name of a host', isHostName), host, { error: 'a map of hosts' });
export type HostInput = z.output<typeof host>;
