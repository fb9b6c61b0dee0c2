/**
 * How Compose is called, as pure argv builders. Files, profiles and name are always given, so that nothing depends on
 * which folder or environment the call is made from.
 */
export interface ComposeCall {
  /** Absolute: Compose's project directory, and the label `working_dir`. */
  readonly directory: string;
  readonly files: readonly string[];
  readonly profiles: readonly string[];
  /** Null: let Compose work it out. */
  readonly name: string | null;
  /** Read for variables, the last one first; a rendered file needs none. */
  readonly envFiles: readonly string[];
}

const NO_ENV_FILE = '/dev/null';

const compose = (call: ComposeCall): readonly string[] => [
  'docker',
  'compose',
  ...(call.name === null ? [] : ['--project-name', call.name]),
  ...['--project-directory', call.directory],
  ...(call.envFiles.length === 0 ? [NO_ENV_FILE] : call.envFiles).flatMap((file) => ['--env-file', file]),
  ...call.files.flatMap((file) => ['--file', file]),
  ...call.profiles.flatMap((profile) => ['--profile', profile]),
];

/**
 * The same project from a rendered file (`-` for stdin). Its variables are values already, so that no `.env` is read: nothing
 * that was written there since can change what is run.
 */
export const renderedCall = (call: ComposeCall, file: string): ComposeCall => ({
  ...call,
  files: [file],
  envFiles: [],
});

export const configArguments = (
  call: ComposeCall,
  what: 'interpolated' | 'as-written' | 'hashes',
): readonly string[] => {
  const options = {
    interpolated: ['--format', 'json'],
    'as-written': ['--no-interpolate', '--format', 'json'],
    hashes: ['--hash', '*'],
  } satisfies Record<typeof what, readonly string[]>;
  return [...compose(call), 'config', ...options[what]];
};

export interface UpArguments {
  readonly start: boolean;
  readonly dependencies: boolean;
  readonly recreate: 'never' | 'always';
  readonly services: readonly string[];
}

export const upArguments = (call: ComposeCall, up: UpArguments): readonly string[] => [
  ...compose(call),
  ...['up', up.start ? '--detach' : '--no-start'],
  ...(up.dependencies ? [] : ['--no-deps']),
  ...[
    '--no-build',
    '--pull',
    'never',
    up.recreate === 'never' ? '--no-recreate' : '--force-recreate',
    '--',
    ...up.services,
  ],
];

export interface RunArguments {
  readonly service: string;
  readonly argv: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Names only: their values are taken from the environment of the call, so that no secret is in an argv. */
  readonly variables: readonly string[];
}

export const runArguments = (call: ComposeCall, run: RunArguments): readonly string[] => [
  ...compose(call),
  ...['run', '--rm', '--no-deps', '--no-TTY', '--interactive=false', '--quiet-pull'],
  ...Object.entries(run.labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
  ...run.variables.flatMap((name) => ['--env', name]),
  // After the service everything belongs to the command, a `--` too.
  ...['--', run.service, ...run.argv],
];

/** Removes the project's containers and networks; volumes stay. */
export const downArguments = (call: ComposeCall): readonly string[] => [...compose(call), 'down'];
