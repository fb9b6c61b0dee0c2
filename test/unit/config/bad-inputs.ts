import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/errors.ts';
import { contents, ENV, type Files, failure, load, project, type Typed } from './project.ts';

export interface Bad {
  readonly what: string;
  /** Text of kaleem-deploy.yml, where only that is bad. */
  readonly yaml?: string;
  /** Text of `.env`, where only that is bad. */
  readonly env?: string;
  readonly files?: Files;
  readonly typed?: Typed;
  /** No compose file and no `.env` but those in `files`. */
  readonly bare?: boolean;
  readonly code: ErrorCode;
  /** Parts of the message. */
  readonly says: readonly string[];
  readonly hint?: string;
}

export const INVALID = 'config-invalid';
export const IMAGE = 'KALEEM_API_IMAGE=ghcr.io/o/r/kaleem-api:v0.0.1\n';
/** A good `.env` and a third line. */
export const api = (line: string): string => `${ENV}${line}\n`;
/** A good `.env` but for the MongoDB URI in its second line. */
export const mongo = (uri: string): string => `${IMAGE}MONGODB_URI=${uri}\n`;

const filesOf = ({ yaml, env, files }: Bad): Files => ({
  ...(yaml === undefined ? {} : { 'kaleem-deploy.yml': yaml }),
  ...(env === undefined ? {} : { '.env': env }),
  ...files,
});

/** Each input gives its error, in one line that says it all, shows no password and has changed nothing. */
export const describeBad = (title: string, table: readonly Bad[]): void => {
  describe(title, () => {
    it.each(table)('$what', async (bad) => {
      const directory = await project(filesOf(bad), { bare: bad.bare ?? false });
      const before = await contents(directory);
      const error = await failure(load(directory, bad.typed));
      expect(error.message.split('\n')).toHaveLength(1);
      for (const part of bad.says) expect(error.message).toContain(part);
      expect(error.code).toBe(bad.code);
      if (bad.hint !== undefined) expect(error.hint).toContain(bad.hint);
      // Passwords in the tables are all some sort of hunter22.
      expect([error.message, error.hint, ...error.details].join('\n')).not.toMatch(/hunter/);
      expect(await contents(directory)).toEqual(before);
    });
  });
};
