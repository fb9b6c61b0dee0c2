import type { Plan } from '../deploy/results.ts';
import { DeployError } from '../errors.ts';
import type { Host } from '../remote/host.ts';
import { lastLine } from '../system/command.ts';
import { VERSION } from '../version-number.ts';
import { ask } from './confirm.ts';
import type { ErrorReport } from './render/error.ts';
import type { Session } from './session.ts';
import { showError } from './show-error.ts';

/** Tells when another version is there; refuses to change something by one that nobody has tried together with this one. */
export const checkVersion = async (host: Host, changes: boolean, warn: (line: string) => void): Promise<void> => {
  const { distance, versionIn } = await import('../remote/versions.ts');
  const answer = await host.ask(['version', '--json']);
  const there = answer?.exitCode === 0 ? versionIn(answer.stdout) : null;
  if (there === null) {
    const said = answer === null ? 'the connection was lost' : lastLine(answer);
    throw new DeployError('remote-unreachable', `${host.name} does not say which kaleem-deploy it has: ${said}`, {
      hint: `ssh ${host.name} kaleem-deploy version; hosts: in kaleem-deploy.yml has its folder and its program`,
    });
  }
  const far = distance(VERSION, there);
  if (far === 'same') return;
  const both = `${host.name} has kaleem-deploy ${there}, and this is ${VERSION}`;
  if (far === 'near' || !changes) return warn(both);
  throw new DeployError('unsupported', `${both}: they have not been tried together`, {
    hint: 'install the same version on both',
  });
};

const documentIn = (text: string): Readonly<Record<string, unknown>> => {
  try {
    return (JSON.parse(text) as Readonly<Record<string, unknown>> | null) ?? {};
  } catch {
    return {};
  }
};

/** Asks here what would be asked there. Resolves to an exit code when there is nothing left to do. */
export const confirmThere = async (
  session: Session,
  host: Host,
  argv: readonly string[],
  what: string,
): Promise<number | null> => {
  const answer = await host.ask(['--json', '--dry-run', ...argv]);
  const said = documentIn(answer?.stdout ?? '');
  if (answer?.exitCode === 0 && Array.isArray(said.destroys)) {
    const { destroys } = said as unknown as Plan;
    const question = { what: `${what} on ${host.name}`, destroys };
    if (destroys.length > 0) await ask(session.io, session.output, session.signal, question);
    return null;
  }
  if (answer !== null && said.error !== undefined) {
    return showError(session, { report: said.error as ErrorReport, exitCode: answer.exitCode, causes: [] });
  }
  const why = answer === null ? 'the connection was lost' : lastLine(answer);
  throw new DeployError('remote-unreachable', `${host.name} did not say what ${what} would do: ${why}`, {
    hint: `kaleem-deploy --host ${host.name} ${argv.join(' ')} --dry-run`,
  });
};
