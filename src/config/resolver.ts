import { resolve } from 'node:path';
import { DeployError, messageOf } from '../errors.ts';
import { assertOnlyOwnerReads } from '../system/permissions.ts';
import type { Origin, Variables } from './env-load.ts';
import { interpolate } from './interpolate.ts';
import { dotted } from './problems.ts';
import { readText } from './read-text.ts';
import type { Reference } from './schema-values.ts';
import type { Path, Source } from './source.ts';
import { maskUri } from './uri.ts';
import { checkUri, exampleUri, type UriKind } from './uri-kinds.ts';

/** Turns what the file refers to into values, and checks URIs; every error names file, line and key. */
export interface Resolver {
  /** `kaleem-deploy.yml:12: gates.after[0].http` */
  place(path: Path): string;
  /** Replaces ${NAME} in text. 'env-invalid' when a name is not set. */
  text(path: Path, template: string): string;
  reference(path: Path, reference: Reference): Promise<string>;
  /** As `reference` or `text`, checked as a URI. A password in the file itself is 'config-unsafe'. */
  uri(path: Path, kind: UriKind, reference: Reference): Promise<string>;
}

/** `.env:4`, or the environment. */
export const originText = (origin: Origin | undefined): string =>
  origin === undefined || origin === null ? 'the environment' : `${origin.shown}:${origin.line}`;

/** Checks a URI and says where it came from when it is bad. The password is masked. */
export const assertUri = (kind: UriKind, uri: string, where: string): void => {
  try {
    checkUri(kind, uri);
  } catch (error) {
    throw new DeployError('uri-invalid', `${where}: '${maskUri(uri)}' is not usable: ${messageOf(error)}`, {
      hint: `it looks like ${exampleUri(kind)}`,
    });
  }
};

const hasLiteralPassword = (kind: UriKind, template: string): boolean => {
  // The path of an http URL may have an '@' of its own.
  const credentials =
    kind === 'http' ? /^https?:\/\/[^:@/?#]*:([^@/?#]+)@/i : /^[a-z][a-z0-9+.-]*:\/\/[^:@/]*:([^@]+)@/is;
  const password = credentials.exec(template)?.[1];
  return password !== undefined && !password.includes('$');
};

export const createResolver = (source: Source, variables: Variables, directory: string): Resolver => {
  const place = (path: Path): string => `${source.at(path)}: ${dotted(path)}`;

  const setValue = (path: Path, name: string): string => {
    const value = variables.values.get(name) ?? '';
    if (value !== '') return value;
    throw new DeployError('env-invalid', `${place(path)} takes its value from ${name}, which is not set`, {
      hint: `set ${name} in .env or in the environment`,
    });
  };

  const text = (path: Path, template: string): string => {
    const blank: string[] = [];
    let result: string;
    try {
      result = interpolate(
        template,
        (name) => variables.values.get(name),
        (name) => blank.push(name),
      );
    } catch (error) {
      throw new DeployError('config-invalid', `${place(path)}: ${messageOf(error)}`);
    }
    for (const name of blank) setValue(path, name);
    return result;
  };

  const reference = async (path: Path, from: Reference): Promise<string> => {
    if ('text' in from) return text(path, from.text);
    if ('env' in from) return setValue(path, from.env);
    const file = resolve(directory, from.file);
    const content = await readText(file, { code: 'config-invalid', shown: file, where: place(path) });
    await assertOnlyOwnerReads(file, place(path));
    const value = content.replace(/\r?\n$/, '');
    if (value !== '') return value;
    throw new DeployError('config-invalid', `${place(path)}: the secret file ${file} is empty`);
  };

  return {
    place,
    text,
    reference,
    async uri(path, kind, from) {
      if ('text' in from && hasLiteralPassword(kind, from.text)) {
        throw new DeployError('config-unsafe', `${place(path)} has a password in it: '${maskUri(from.text)}'`, {
          hint: 'put the URI into .env and refer to it as {env: NAME}, or as {file: PATH}',
        });
      }
      const value = await reference(path, from);
      const named = 'env' in from ? ` (${from.env}, ${originText(variables.origins.get(from.env))})` : '';
      assertUri(kind, value, `${place(path)}${named}`);
      return value;
    },
  };
};
