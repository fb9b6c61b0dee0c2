import { tmpdir } from 'node:os';
import { docker } from './docker.ts';

/** Where a stack lives: this machine, or a server in a container (server.ts). */
export interface Machine {
  /** In which folders for stacks are made; the path is the same on the machine and here. */
  readonly folder: string;
  /** What the docker command needs, run here, to talk to the machine's engine. */
  readonly engine: Readonly<Record<string, string>>;
  /** The built command, as it is typed there. */
  readonly tool: readonly [node: string, program: string];
  /** The command to run here for a command there, with these variables beside its environment. */
  command(argv: readonly string[], directory: string, variables: Readonly<Record<string, string>>): readonly string[];
  /** `docker ARGV` with its engine; rejects when it fails. */
  docker(...argv: readonly string[]): Promise<string>;
  /** `host:port` by which a port of a container there can be reached from here. */
  reach(address: string, port: number): Promise<string>;
}

/** The built command: `test/e2e/build.ts` makes one of the current sources. */
export const builtTool = (): string => {
  const built = process.env.KALEEM_TEST_CLI;
  if (built === undefined) throw new Error('KALEEM_TEST_CLI is not set: run this as part of the e2e project');
  return built;
};

/** Where the test bed's registry is: host and port. */
export const registryAddress = (): string => process.env.KALEEM_TEST_REGISTRY ?? '127.0.0.1:5000';

export const thisMachine: Machine = {
  folder: tmpdir(),
  engine: {},
  get tool(): readonly [node: string, program: string] {
    return [process.execPath, builtTool()];
  },
  command: (argv) => argv,
  docker,
  reach: async (address, port) => `${address}:${port}`,
};
