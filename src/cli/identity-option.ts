import { Option } from 'commander';
import { holdsSecretKey } from '../config/age.ts';
import { DeployError } from '../errors.ts';

/** Anyone on the machine sees what is typed: the key itself is refused. Commander's own error would repeat it. */
const identityFile = (text: string): string => {
  if (!holdsSecretKey(text)) return text;
  throw new DeployError(
    'usage',
    '--identity takes the path of a file, and this is a secret key: it must never be typed',
    {
      hint: 'write it into a file, chmod 600; others may have seen it in the list of processes',
    },
  );
};

/** Of every verb that reads a backup. */
export const identityOption = (): Option =>
  new Option('--identity <file>', "age identity file that decrypts a backup which this server's own can't").argParser(
    identityFile,
  );
