import { DeployError, toDeployError } from '../../errors.ts';
import type { Clock } from '../../system/clock.ts';
import { admit, type KeyRights } from './admit.ts';
import { callerOf } from './caller.ts';
import { type Gate, loadGate } from './config.ts';
import { gateEnvironment } from './environment.ts';
import { recordAsked } from './record.ts';
import { refusal } from './refusal.ts';
import { parseRequest } from './request.ts';
import { usageOf } from './verbs.ts';
import { splitWords } from './words.ts';

/** What may be run, and where. */
export interface Admitted {
  /** Of `main`. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface AtTheGate {
  /** The gate's configuration, absolute. */
  readonly file: string;
  /** The key's name. */
  readonly key: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** What a key may ask for, as it is typed. */
export const formsOf = ({ verbs }: KeyRights): readonly string[] => [...verbs, 'version'].map(usageOf);

/** sshd's name for the command that the client asked for; not set at a login without one (ssh(1)). */
const commandOf = ({ SSH_ORIGINAL_COMMAND: command }: AtTheGate['environment']): string | null => command || null;

const decide = (command: string | null, rights: KeyRights | undefined, { key }: AtTheGate, gate: Gate) => {
  if (rights === undefined) throw refusal(`the gate knows no key ${key}`);
  if (command === null) throw refusal('this key opens no shell');
  return admit(parseRequest(splitWords(command)), rights, gate.configFile);
};

const withHint = (error: DeployError, rights: KeyRights | undefined, { key, file }: AtTheGate): DeployError =>
  new DeployError(error.code, error.message, {
    hint:
      rights === undefined ? `it belongs under \`keys:\` in ${file}` : `key ${key} may: ${formsOf(rights).join(', ')}`,
    cause: error,
  });

/**
 * Decides about what the client asked for, and writes the decision down before anything comes of it.
 * @throws DeployError 'gate-refused'; 'config-invalid', 'config-unsafe'; what keeps the record from being written
 */
export const passGate = async (at: AtTheGate): Promise<Admitted> => {
  const gate = await loadGate(at.file);
  const rights = gate.keys.get(at.key);
  const command = commandOf(at.environment);
  const caller = await callerOf(at.key, at.environment);
  try {
    const argv = decide(command, rights, at, gate);
    await recordAsked(gate.record, at.clock, { caller, command, outcome: { argv } });
    return { argv, cwd: gate.directory, env: gateEnvironment(at.key, gate.environment) };
  } catch (thrown) {
    const error = toDeployError(thrown);
    if (error.code !== 'gate-refused') throw error;
    await recordAsked(gate.record, at.clock, { caller, command, outcome: { refused: error.message } });
    throw withHint(error, rights, at);
  }
};
