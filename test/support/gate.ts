import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { builtTool } from './machine.ts';
import type { Sshd } from './sshd.ts';

/** A gate for the user's key of an sshd, in a folder that is made for it: `sshd.at('gate')`. */
export interface Gate {
  /** Its configuration. */
  readonly file: string;
  /** The line of authorized_keys. */
  readonly authorized: string;
  /** Writes the configuration: of a project's folder, with what the key may do there, and lines beside these. */
  configure(directory: string, rights: string, ...lines: readonly string[]): Promise<void>;
}

export const makeGate = async (sshd: Sshd): Promise<Gate> => {
  await mkdir(sshd.at('gate'), { mode: 0o700 });
  const file = sshd.at('gate/gate.yml');
  const command = `${process.execPath} ${builtTool()} gate --config ${file} --key ci`;
  const publicKey = await readFile(`${sshd.userKey}.pub`, 'utf8');
  return {
    file,
    authorized: `restrict,command="${command}" ${publicKey.trim()}\n`,
    configure(directory, rights, ...lines) {
      const all = [`directory: ${directory}`, ...lines, `environment: { PATH: '${process.env.PATH}' }`];
      return writeFile(file, `${all.join('\n')}\nkeys: { ci: ${rights} }\n`, { mode: 0o600 });
    },
  };
};
