import { DeployError } from '../errors.ts';
import type { Attempts } from './config.ts';
import type { Variables } from './env-load.ts';
import { assertUri, originText } from './resolver.ts';
import type { UriKind } from './uri-kinds.ts';

/** A variable's value; null when it is not set or empty, as `${NAME:-default}` in a shell has it. */
export const variable = (variables: Variables, name: string): string | null => variables.values.get(name) || null;

const place = (variables: Variables, name: string): string => `${name} (${originText(variables.origins.get(name))})`;

/** A URI variable, checked; null when it is not set. 'uri-invalid' names the variable and where it was set. */
export const uriVariable = (variables: Variables, name: string, kind: UriKind): string | null => {
  const value = variable(variables, name);
  if (value !== null) assertUri(kind, value, place(variables, name));
  return value;
};

const numberVariable = (
  variables: Variables,
  name: string,
  { from, to, whole }: { readonly from: number; readonly to: number; readonly whole: boolean },
): number | null => {
  const value = variable(variables, name);
  if (value === null) return null;
  const number = (whole ? /^\d+$/ : /^\d+(?:\.\d+)?$/).test(value) ? Number(value) : Number.NaN;
  if (number >= from && number <= to) return number;
  const what = whole ? 'a whole number' : 'a number of seconds';
  throw new DeployError(
    'env-invalid',
    `${place(variables, name)} must be ${what} from ${from} to ${to}, not '${value}'`,
    {
      hint: whole ? `for example ${name}=10` : `for example ${name}=20`,
    },
  );
};

/** MAX_ATTEMPTS and SLEEP_SECONDS, as deploy.sh had them: 10 attempts, 20 seconds apart. */
export const attemptsFrom = (variables: Variables): Attempts => ({
  attempts: numberVariable(variables, 'MAX_ATTEMPTS', { from: 1, to: 10_000, whole: true }) ?? 10,
  intervalMs: Math.round(
    1000 * (numberVariable(variables, 'SLEEP_SECONDS', { from: 0.1, to: 3600, whole: false }) ?? 20),
  ),
});
