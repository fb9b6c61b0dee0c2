import { DeployError, messageOf } from '../../errors.ts';
import { BsonError } from './bson.ts';

/** An archive that is not what it must be. */
export const archiveInvalid = (path: string, what: string, cause?: unknown): DeployError =>
  new DeployError('backup-invalid', `${path}: ${what}`, {
    hint: 'this backup cannot be trusted; `kaleem-deploy backup list` shows the others',
    ...(cause === undefined ? {} : { cause }),
  });

/** Runs a decoder over bytes that start at `offset` of the archive, and says where they are not what they must be. */
export const decodeAt = <T>(path: string, offset: number, what: string, decode: () => T): T => {
  try {
    return decode();
  } catch (error) {
    const at = error instanceof BsonError ? offset + error.offset : offset;
    throw archiveInvalid(path, `${what} at byte ${at}: ${messageOf(error)}`, error);
  }
};
