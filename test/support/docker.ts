import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What of `docker inspect` tests look at. */
export interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly Config: {
    readonly Hostname: string;
    readonly Env: readonly string[];
    readonly Cmd: readonly string[] | null;
    readonly Entrypoint: readonly string[] | null;
    readonly Healthcheck?: unknown;
    readonly StopTimeout?: number;
  };
  readonly HostConfig: {
    readonly PortBindings: unknown;
    readonly RestartPolicy: unknown;
    readonly ShmSize: number;
    readonly Ulimits: unknown;
  };
  readonly Mounts: readonly {
    readonly Type: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
}

/** `docker ARGV`; rejects when it fails. */
export const docker = async (...argv: readonly string[]): Promise<string> =>
  (await promisify(execFile)('docker', argv)).stdout.trim();

export const inspect = async (container: string): Promise<Inspected> =>
  (JSON.parse(await docker('inspect', '--type', 'container', container)) as [Inspected])[0];
