import type { Config } from '../config/config.ts';
import { DeployError } from '../errors.ts';

type Named = readonly [place: string, service: string | null];

const namedServices = ({ gates, init, hooks }: Pick<Config, 'gates' | 'init' | 'hooks'>): readonly Named[] => [
  ...[...gates.before, ...gates.after].flatMap((gate): readonly Named[] =>
    gate.type === 'container' || gate.type === 'command' ? [[`the gate ${gate.name}`, gate.service]] : [],
  ),
  ...init.map(({ type, service }): Named => [`the init step ${type}`, service]),
  ...Object.entries(hooks).map(([name, hook]): Named => [`the hook ${name}`, hook?.service ?? null]),
];

/**
 * Gates, init steps and hooks may name services: one that does not exist would be noticed only behind the fence, or never.
 *
 * @throws DeployError 'config-invalid' naming the service and who names it
 */
export const requireServices = (
  config: Pick<Config, 'gates' | 'init' | 'hooks'>,
  { services }: { readonly services: Readonly<Record<string, unknown>> },
): void => {
  const wrong = namedServices(config).find(([, service]) => service !== null && services[service] === undefined);
  if (wrong === undefined) return;
  throw new DeployError('config-invalid', `${wrong[0]} names ${wrong[1]}, which the compose file does not have`, {
    hint: `services are ${Object.keys(services).join(', ')}`,
  });
};
