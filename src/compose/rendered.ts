/** The project as Compose itself understood it: what `docker compose config --format json` says, in our words. */

export interface PublishedPort {
  /** Null: every address of the host. */
  readonly hostIp: string | null;
  /** 0: the engine picks one when the container starts. */
  readonly published: number;
  readonly target: number;
  readonly protocol: 'tcp' | 'udp';
}

export interface Dependency {
  readonly condition: 'service_started' | 'service_healthy' | 'service_completed_successfully';
  readonly required: boolean;
}

export interface RenderedService {
  readonly name: string;
  /** What its containers run: `image:`, or Compose's default name `<project>-<service>` where there is only `build:`. */
  readonly image: string;
  readonly build: boolean;
  readonly dependsOn: Readonly<Record<string, Dependency>>;
  readonly ports: readonly PublishedPort[];
  /** Host paths of its bind mounts, `configs` and `secrets` files; whether they exist is not checked. */
  readonly bindFiles: readonly string[];
  readonly volumes: readonly { readonly name: string; readonly target: string }[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | null>>;
  readonly hasHealthcheck: boolean;
  /** Time that `docker stop` gives it, in milliseconds; Compose's default is 10 s. */
  readonly stopGraceMs: number;
  /** Full names, as the engine knows them. */
  readonly networks: readonly string[];
  readonly networkMode: string | null;
  /** Compose's restart policy: no, always, unless-stopped, on-failure[:n]. */
  readonly restart: string;
  readonly profiles: readonly string[];
  /** `deploy.replicas` or `scale`, default 1. */
  readonly replicas: number;
  /** `docker compose config --hash`: equals the label com.docker.compose.config-hash of an unchanged container. */
  readonly hash: string;
  /**
   * The hash that a container gets from `up --no-deps`. Compose before 2.27 counts `depends_on`, and drops it there; where it
   * does not, both hashes are the same.
   */
  readonly hashAlone: string;
}

export interface RenderedProject {
  readonly name: string;
  readonly services: Readonly<Record<string, RenderedService>>;
  /** The whole document as JSON, for `up -f`: paths absolute, `$` doubled as Compose needs it. Holds secrets. */
  readonly text: string;
  /** Service -> the variables that its `image:` names. */
  readonly imageVariables: Readonly<Record<string, readonly string[]>>;
  /** Variables for which Compose warned that they are not set. */
  readonly unsetVariables: readonly string[];
  /** Every variable that the compose files name. */
  readonly namedVariables: readonly string[];
}
