import { DeployError } from '../../errors.ts';
import { asciiJson } from './ascii.ts';

/** What a key asks for and does not get. */
export const refusal = (message: string): DeployError => new DeployError('gate-refused', message);

const LONGEST_SHOWN = 60;

/** A word of the client's in a message: escaped, as it may hold anything, and short. */
export const shown = (text: string): string =>
  text.length > LONGEST_SHOWN ? `${asciiJson(text.slice(0, LONGEST_SHOWN))}...` : asciiJson(text);
