import { resolve } from 'node:path';
import { DeployError } from '../errors.ts';
import { reportError } from './render/error.ts';
import type { Session } from './session.ts';
import { showError } from './show-error.ts';
import { type DefineVerb, examples } from './verb.ts';

const DEFAULT_CONFIG = '/etc/kaleem-deploy/gate.yml';

/** Whether the client wants its answer as JSON, be it a refusal. */
const wantsJson = ({ SSH_ORIGINAL_COMMAND: command = '' }: Session['io']['env']): boolean =>
  command.split(' ').includes('--json');

const pass = async (session: Session, at: { readonly file: string; readonly key: string }): Promise<number> => {
  const { io, clock, output } = session;
  const { passGate } = await import('../remote/gate/pass.ts');
  let admitted: Awaited<ReturnType<typeof passGate>>;
  try {
    admitted = await passGate({ ...at, clock, environment: io.env });
  } catch (error) {
    const options = { json: wantsJson(io.env), verbose: false };
    return showError({ io, output, options }, { ...reportError(error, { stateDirectory: null }), causes: [] });
  }
  const { argv, cwd, env } = admitted;
  return session.runInstead(argv, { cwd, env });
};

const explain = async (session: Session, { file, key }: { readonly file: string; readonly key: string }) => {
  const [{ loadGate }, { formsOf }] = await Promise.all([
    import('../remote/gate/config.ts'),
    import('../remote/gate/pass.ts'),
  ]);
  const gate = await loadGate(file);
  const rights = gate.keys.get(key);
  if (rights === undefined) {
    throw new DeployError('not-found', `${file} has no key ${key}`, {
      hint: `keys: ${[...gate.keys.keys()].join(', ') || 'none'}`,
    });
  }
  const { tags, destinations } = rights;
  const may = formsOf(rights);
  session.show({ key, directory: gate.directory, record: gate.record, may, tags, destinations }, () => [
    `key ${key} may, in ${gate.directory}:`,
    ...may.map((form) => `  kaleem-deploy ${form}`),
    `tags: ${tags?.join(', ') ?? 'any'}; destinations: ${destinations.join(', ')}; record: ${gate.record}`,
  ]);
  return undefined;
};

export const defineGate: DefineVerb = (program, schedule) => {
  const command = program
    .command('gate')
    .description('the command of an SSH key that can only deploy: does what the client asked for, where the key may')
    .requiredOption('--key <name>', 'which key it is; --config names the configuration of the gate')
    .addHelpText(
      'after',
      examples([
        ['gate --key ci --dry-run', `what it may, by ${DEFAULT_CONFIG}`],
        ['gate --config /srv/gate.yml --key ci', 'in authorized_keys, as restrict,command="..."'],
      ]),
    );
  command.action(({ key }: { readonly key: string }) =>
    schedule({
      command,
      interruption: 'reads',
      elsewhere: {
        type: 'here-only',
        why: 'gate is what sshd runs on the host that a key logs in to',
        hint: 'give the key to --host: ssh -i, or `identity_file` in hosts',
      },
      job: async (session) => {
        const { config, destination, dryRun } = session.options;
        if (destination !== null) {
          throw new DeployError('usage', 'gate takes no --destination', {
            hint: 'the destinations of a key stand in the configuration of the gate: docs/gate.md',
          });
        }
        const at = { file: resolve(session.io.cwd, config ?? DEFAULT_CONFIG), key };
        return dryRun ? explain(session, at) : pass(session, at);
      },
    }),
  );
};
