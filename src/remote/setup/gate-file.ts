import { parse, stringify } from 'yaml';
import { messageOf } from '../../errors.ts';
import type { RIGHTS } from '../gate/verbs.ts';
import { type Found, PLACES } from './look.ts';
import { ok, refuse, type Step } from './step.ts';
import { KEY_NAME } from './sudo-rule.ts';

/** A deploy and all that looks; nothing that throws data away, and no maintenance. */
const GIVEN: readonly (typeof RIGHTS)[number][] = [
  ...(['deploy', 'rollback', 'attach', 'abort', 'recover'] as const),
  ...(['status', 'history', 'releases', 'images', 'logs', 'health', 'doctor', 'lock status'] as const),
  ...(['backup create', 'backup list', 'backup show', 'backup verify'] as const),
];

/** docs/gate.md says what stands in it. */
export const gateText = (directory: string): string =>
  `# Written by kaleem-deploy setup, and yours from now on: docs/gate.md.\n${stringify(
    { directory, keys: { [KEY_NAME]: { verbs: GIVEN } } },
    { lineWidth: 0 },
  )}`;

interface GateFile {
  readonly directory: string | null;
  readonly keys: readonly string[];
}

/** What of it setup has to know; the gate itself reads it strictly. Throws 'unsupported' for what is no YAML. */
export const gateIn = (text: string): GateFile => {
  const read = (): unknown => {
    try {
      return parse(text);
    } catch (error) {
      return refuse(`${PLACES.gate} is there and can't be read: ${messageOf(error).split('\n')[0]}`, 'docs/gate.md');
    }
  };
  const { directory, keys } = (read() ?? {}) as { readonly directory?: unknown; readonly keys?: unknown };
  return {
    directory: typeof directory === 'string' ? directory : null,
    keys: typeof keys === 'object' && keys !== null ? Object.keys(keys) : [],
  };
};

/** The folder that a gate of the host leads to already; null: it has none. */
export const gateDirectory = (found: Found): string | null => {
  const text = found.get('gate');
  return text === undefined ? null : gateIn(text).directory;
};

export const gateStep: Step = {
  name: 'gate',
  decide(found, { directory }) {
    const text = found.get('gate');
    if (text === undefined) {
      return {
        is: 'change',
        would: `write ${PLACES.gate}, for the key ${KEY_NAME} and ${directory}`,
        async act(site) {
          await site.write(PLACES.gate, gateText(directory), '644');
          return PLACES.gate;
        },
      };
    }
    const gate = gateIn(text);
    if (gate.directory !== directory) {
      refuse(
        `${PLACES.gate} is about ${gate.directory ?? 'no folder'}, not about ${directory}`,
        `--directory ${gate.directory ?? directory}; or move it away there, and setup writes a new one`,
      );
    }
    if (!gate.keys.includes(KEY_NAME)) {
      refuse(
        `${PLACES.gate} has no key ${KEY_NAME}, and setup changes no file that is yours`,
        `add under \`keys:\` there: ${KEY_NAME}: {verbs: [${GIVEN.join(', ')}]}`,
      );
    }
    return ok(PLACES.gate);
  },
};
