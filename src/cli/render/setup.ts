import type { SetupResult, StepReport } from '../../remote/setup/set-up.ts';
import { printableLine } from './format.ts';
import type { Paint } from './paint.ts';

const WIDTH = 13;

const COLORS = { ok: 'green', done: 'green', would: 'yellow' } as const;

const line = (outcome: string, name: string, detail: string): string =>
  `${outcome}  ${name.padEnd(WIDTH)}  ${printableLine(detail)}`;

/** `..    Docker  install Docker, Compose`: what may take its time. */
export const beginLine = (name: string, would: string): string => line('..   ', name, would);

export const stepLine = ({ outcome, name, detail }: StepReport, paint: Paint): string =>
  line(paint(COLORS[outcome], outcome.padEnd(5)), name, detail);

/** Of `hosts:` in kaleem-deploy.yml. */
export interface HostEntry {
  readonly address?: string;
  readonly port?: number;
  readonly user: string;
  /** Not there: the private half is somebody else's. */
  readonly identity_file?: string;
}

export interface SetupReport extends SetupResult {
  readonly host: string;
  readonly dryRun: boolean;
  readonly changed: boolean;
  /** Null: kaleem-deploy.yml here has it. */
  readonly entry: HostEntry | null;
}

const entryLines = (host: string, entry: HostEntry): readonly string[] => [
  `in kaleem-deploy.yml ${entry.identity_file === undefined ? 'of whoever has the key (it was not tried: it is not on this computer)' : 'on this computer'}, so that --host deploys by it:`,
  '  hosts:',
  `    ${host}:`,
  ...Object.entries(entry).map(([name, value]) => `      ${name}: ${value}`),
];

/** What setup came to; of a dry run its steps too, which nobody has seen yet. */
export const setupLines = (report: SetupReport, paint: Paint): readonly string[] => {
  const { host, dryRun, changed, entry, missing, steps } = report;
  if (dryRun) {
    const would = changed ? 'nothing was changed; without --dry-run it is' : `nothing to change on ${host}`;
    return [...steps.map((step) => stepLine(step, paint)), would];
  }
  return [
    changed ? `${host} is ready` : `nothing to change on ${host}`,
    ...(entry === null ? [] : entryLines(host, entry)),
    ...(missing === null ? [] : [missing]),
    'next:',
    `  kaleem-deploy --host ${host} doctor`,
  ];
};
