import type { CommandResult } from '../system/command.ts';
import type { PublishedPort } from './rendered.ts';

/** What the Docker engine can do for us, as a small interface; `openDocker` (docker.ts) is the one over the docker CLI. */

export type ContainerStatus = 'created' | 'running' | 'restarting' | 'exited' | 'paused' | 'dead' | 'removing';

export interface ContainerNetwork {
  readonly id: string;
  readonly name: string;
  /** bridge, host, macvlan, overlay, ...; empty when the network is gone. */
  readonly driver: string;
  /** Null while the container is not running. */
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly aliases: readonly string[];
}

export interface ContainerMount {
  readonly type: string;
  /** A volume's name; null for bind mounts. */
  readonly name: string | null;
  readonly source: string;
  readonly destination: string;
  /** False: mounted read-only. */
  readonly writable: boolean;
}

/** A container that does nothing but wait, for `exec`. */
export interface HelperSpec {
  /** A reference or id of an image that is here. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly mounts: readonly {
    readonly type: 'volume' | 'bind';
    /** A volume's name, or a path on the engine's host. */
    readonly source: string;
    readonly target: string;
  }[];
}

export interface ContainerState {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  /** 1, 2, ... where the service is scaled. */
  readonly number: number;
  /** The reference it was created from. */
  readonly image: string;
  readonly imageId: string;
  readonly state: ContainerStatus;
  readonly health: 'healthy' | 'unhealthy' | 'starting' | null;
  readonly restartCount: number;
  readonly startedAt: string;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** no, always, unless-stopped, on-failure or on-failure:n. */
  readonly restartPolicy: string;
  readonly configHash: string;
  readonly configFiles: readonly string[];
  readonly workingDirectory: string;
  /** Made by `docker compose run`. */
  readonly oneOff: boolean;
  /** All of them: OPERATION_LABEL tells which operation made a one-off container. */
  readonly labels: Readonly<Record<string, string>>;
  readonly networks: readonly ContainerNetwork[];
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly ContainerMount[];
  /** 0 while it is not running. */
  readonly pid: number;
  readonly hostNetwork: boolean;
}

export interface EngineInfo {
  readonly id: string;
  readonly version: string;
  /** As registries write it: linux/amd64, linux/arm64, linux/arm/v7. */
  readonly architecture: string;
  /** The engine's data directory (images, volumes), on its own host. */
  readonly rootDirectory: string;
  readonly rootless: boolean;
  /** Reached over a unix socket, so that its containers and volumes are on this machine. */
  readonly local: boolean;
  /** Where ports that it publishes are: 127.0.0.1, or the machine it runs on. */
  readonly host: string;
}

export interface ImageInfo {
  readonly id: string;
  readonly repoDigests: readonly string[];
  readonly repoTags: readonly string[];
  readonly architecture: string;
  readonly sizeBytes: number;
}

export interface NetworkMember {
  readonly id: string;
  readonly name: string;
  /** The Compose project it belongs to. */
  readonly project: string | null;
}

export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

export interface PullOptions extends Abortable {
  readonly onLine?: (line: string) => void;
}

export interface Docker {
  info(options?: Abortable): Promise<EngineInfo>;
  /** Containers of a Compose project; with `all` also those that don't run. One `ps` and one `inspect`. */
  containers(project: string, options?: Abortable & { readonly all?: boolean }): Promise<readonly ContainerState[]>;
  /** What `docker inspect` says of containers, as it says it, in the order of `ids`; those that are gone are left out. */
  inspect(ids: readonly string[], options?: Abortable): Promise<readonly unknown[]>;
  containersOnNetwork(networkId: string, options?: Abortable): Promise<readonly NetworkMember[]>;
  /** Null: not here. `reference` may be an id, a tag or `repo@sha256:...`. */
  image(reference: string, options?: Abortable): Promise<ImageInfo | null>;
  /** Retries what can heal; 'image-not-found', 'registry-denied', 'registry-unreachable', 'wrong-architecture', 'disk-full', 'pull-failed'. */
  pull(reference: string, options?: PullOptions): Promise<void>;
  tag(source: string, target: string): Promise<void>;
  /** Removes one tag; the image goes with its last one. A tag that is not there is not an error. */
  untag(target: string): Promise<void>;
  /** Writes a tar file; not durable, and partial when it fails. */
  saveImage(references: readonly string[], path: string, options?: Abortable): Promise<void>;
  loadImage(path: string, options?: Abortable): Promise<void>;
  /** Ends them: SIGTERM (or their stop signal), SIGKILL after `graceMs`. Containers that are gone are not an error. */
  stop(ids: readonly string[], graceMs: number, options?: Abortable): Promise<void>;
  kill(ids: readonly string[]): Promise<void>;
  /** Not for the first start of a new container: newer Compose puts inline configs and secrets in then (use `ComposeClient.up`). */
  start(ids: readonly string[], options?: Abortable): Promise<void>;
  /** By force; keeps named and anonymous volumes. */
  remove(ids: readonly string[]): Promise<void>;
  setRestartPolicy(ids: readonly string[], policy: string): Promise<void>;
  connect(
    network: string,
    container: string,
    options: { readonly aliases: readonly string[]; readonly ipv4?: string | null },
  ): Promise<void>;
  /** By force. Not being connected is not an error. */
  disconnect(network: string, container: string): Promise<void>;
  /** Last lines of stdout and stderr, oldest first. */
  logs(id: string, lines: number): Promise<readonly string[]>;
  /** Lines as they come (`lines` null: from the first); ends with the last one, or, following, when the signal is aborted. */
  streamLogs(
    id: string,
    options: Abortable & {
      readonly follow: boolean;
      readonly lines: number | null;
      readonly onLine: (line: string) => void;
    },
  ): Promise<void>;
  /** Starts it, as root and without a network, and resolves to its id. `remove` ends it, and whatever `exec` runs in it. */
  runHelper(spec: HelperSpec, options?: Abortable): Promise<string>;
  /** Names of variables go into the argv, their values don't. A timeout ends the docker command, not what it started in the container. */
  exec(
    id: string,
    argv: readonly string[],
    options: Abortable & { readonly timeoutMs: number; readonly environment?: Readonly<Record<string, string>> },
  ): Promise<CommandResult>;
}
