import { DeployError, diskError, messageOf } from '../errors.ts';

const NOT_ALLOWED = ['EACCES', 'EPERM', 'ENOTDIR', 'ENOENT', 'EEXIST', 'ELOOP', 'ENAMETOOLONG'];

/** A failed write into the state directory. `doing`: "write /x/journal.jsonl". */
export const writeError = (doing: string, error: unknown): DeployError => {
  if (error instanceof DeployError) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  const message = `cannot ${doing}: ${messageOf(error)}`;
  return (
    diskError(message, error) ??
    new DeployError(NOT_ALLOWED.includes(code) ? 'config-invalid' : 'bug', message, { cause: error })
  );
};

/**
 * A file of the state that is not what was written to it. Nothing is changed on the strength of such a file, so
 * operations are refused until a person has looked.
 */
export const damaged = (path: string, what: string, hint?: string): DeployError =>
  new DeployError('halted-earlier', `${path} is damaged: ${what}`, {
    hint: hint ?? `look at ${path}; put back a copy of it, or move it out of the state directory`,
  });

/** The state was written by a later version of this tool, whose meaning can't be guessed. */
export const tooNew = (path: string, version: number, known: number): DeployError =>
  new DeployError('config-invalid', `${path} has format ${version}; this version of kaleem-deploy knows ${known}`, {
    hint: 'install the version of kaleem-deploy that was used here last, or a later one',
  });
