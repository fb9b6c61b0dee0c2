/**
 * The resolved configuration: what every other folder reads. Built by `loadConfig` (load.ts) from the environment,
 * `.env` and, where they exist, `kaleem-deploy.yml` and its overlay. Plain data; durations are milliseconds.
 */

import type { Job, Notifier } from './notifier.ts';

/** A service of the compose file. */
export type ServiceName = string;
/** A variable that the compose file's `image:` uses, such as KALEEM_API_IMAGE. */
export type VariableName = string;

export interface Attempts {
  /** Slow attempts a gate has before it has failed (MAX_ATTEMPTS, default 10). */
  readonly attempts: number;
  /** Longest wait between two attempts (SLEEP_SECONDS, default 20 s). The budget is attempts x intervalMs. */
  readonly intervalMs: number;
}

interface GateBase {
  /** Shown in the output; unique. Default: the type and its target. */
  readonly name: string;
  readonly attempts: number;
  readonly intervalMs: number;
  /** Deadline of one try. Default 5 s. */
  readonly timeoutMs: number;
}

export interface HttpExpectation {
  /** Accepted status codes. Default 200 to 299 (redirects are not followed). */
  readonly status?: readonly number[];
  /** Text that the body must contain. */
  readonly body?: string;
  /** JSON path (`$.a.b[0].c`) to the value it must have. */
  readonly json?: Readonly<Record<string, string | number | boolean | null>>;
  /** Header (lower case) to the text that its value must contain. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole answer must be here within this time. */
  readonly withinMs?: number;
}

export type GateSpec =
  | (GateBase & {
      readonly type: 'http';
      readonly url: string;
      readonly requestHeaders: Readonly<Record<string, string>>;
      readonly expect: HttpExpectation;
    })
  | (GateBase & {
      readonly type: 'webhook';
      readonly url: string;
      readonly requestHeaders: Readonly<Record<string, string>>;
      readonly payload: string;
      readonly expect: HttpExpectation;
    })
  | (GateBase & { readonly type: 'page'; readonly url: string })
  | (GateBase & { readonly type: 'tcp'; readonly host: string; readonly port: number })
  | (GateBase & { readonly type: 'mongo'; readonly uri: string; readonly primary: boolean })
  | (GateBase & { readonly type: 'redis'; readonly uri: string })
  | (GateBase & { readonly type: 'rabbitmq'; readonly uri: string })
  | (GateBase & { readonly type: 'qdrant'; readonly url: string; readonly apiKey: string | null })
  | (GateBase & { readonly type: 'container'; readonly service: ServiceName })
  | (GateBase & { readonly type: 'command'; readonly argv: readonly string[]; readonly service: ServiceName | null });

/** Idempotent work done once a service is healthy, each time the switch passes it. */
export type InitSpec =
  | { readonly type: 'mongo-replica-set'; readonly service: ServiceName; readonly name: string; readonly host: string }
  | {
      readonly type: 'redis-cluster';
      readonly service: ServiceName;
      readonly nodes: readonly string[];
      readonly replicas: number;
    }
  | {
      readonly type: 'qdrant-collection';
      readonly service: ServiceName;
      readonly collection: string;
      readonly size: number;
      readonly distance: 'Cosine' | 'Dot' | 'Euclid' | 'Manhattan';
    }
  | {
      readonly type: 'rabbitmq-queue';
      readonly service: ServiceName;
      readonly queue: string;
      readonly durable: boolean;
    }
  | { readonly type: 'nginx-reload'; readonly service: ServiceName }
  | { readonly type: 'command'; readonly service: ServiceName; readonly argv: readonly string[] };

export type HookName = 'pre-deploy' | 'post-backup' | 'migrate' | 'post-deploy' | 'failed';

export interface Hook {
  readonly argv: readonly string[];
  /** Run inside a one-off container of this service (`docker compose run --rm`), or on the host when null. */
  readonly service: ServiceName | null;
  readonly timeoutMs: number;
}

export interface DatabaseConfig {
  /** As the operator wrote it; may name hosts that only containers resolve. Secret. */
  readonly uri: string;
  /** The database in the URI's path; null: all databases. */
  readonly name: string | null;
}

export interface RegistryCredentials {
  readonly server: string;
  readonly username: string;
  /** Resolved from the reference in the file. Secret. */
  readonly password: string;
}

/** A span of the calendar, as restic writes it: `1y6m`, `30d`, `12h`. */
export interface Span {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
}

/** What to keep, in restic's words. Rules are joined by "or": a backup stays when one of them wants it. 0: that rule keeps none. */
export interface KeepPolicy {
  /** The newest so many. */
  readonly last: number;
  /** The newest one of each of the last so many hours (days ...) that have one. */
  readonly hourly: number;
  readonly daily: number;
  /** ISO weeks, from Monday. */
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
  /** All within so long before the newest one; null: no such rule. */
  readonly within: Span | null;
}

/** Whom backups are encrypted to, with age; beside them always this server's own key, so that it can verify and undo by itself. */
export interface EncryptionConfig {
  /** age1..., at least one. */
  readonly recipients: readonly string[];
  /** Absolute. Tried after the server's own when a backup is read; null: there is none. */
  readonly identityFile: string | null;
}

interface CopyPlaceBase {
  /** What commands call it. Unique. */
  readonly name: string;
  /** As written; no secret is in it. */
  readonly url: string;
  readonly keep: KeepPolicy;
}

/** Where copies of the backups go, away from this host. */
export type CopyPlace =
  | (CopyPlaceBase & {
      readonly type: 'sftp';
      readonly host: string;
      readonly port: number;
      readonly username: string;
      /** Absolute, or relative to where SFTP begins. */
      readonly directory: string;
      /** Absolute; null: the agent's keys, else the usual files in ~/.ssh. */
      readonly identityFile: string | null;
      /** Of the identity file. Secret. */
      readonly passphrase: string | null;
      /** Absolute. */
      readonly knownHosts: string;
      /** SSH_AUTH_SOCK. */
      readonly agent: string | null;
      /** HOME. */
      readonly home: string | null;
    })
  | (CopyPlaceBase & {
      readonly type: 's3';
      /** Without a slash at its end. */
      readonly endpoint: string;
      readonly region: string;
      readonly bucket: string;
      /** Without slashes at its ends; may be empty. */
      readonly prefix: string;
      /** The bucket stands in the path, not in the host's name. */
      readonly pathStyle: boolean;
      readonly accessKeyId: string;
      /** Secret. */
      readonly secretAccessKey: string;
      /** Secret. */
      readonly sessionToken: string | null;
    });

/** Where `--host NAME` leads. What is null is asked of OpenSSH's own configuration. */
export interface RemoteHost {
  readonly address: string | null;
  readonly port: number | null;
  readonly user: string | null;
  /** Absolute. */
  readonly identityFile: string | null;
  /** The folder there in which the program is started; null: where a login begins. */
  readonly directory: string | null;
  /** The program there, and what stands before it (`sudo`). */
  readonly program: readonly string[];
}

/** What is done again and again without anybody's asking. */
export interface AgentConfig {
  /** As IANA names it: schedules are by its clocks. */
  readonly timeZone: string;
  /** Each run begins up to so long after its time. */
  readonly jitterMs: number;
  /** Whether a run whose time went by while nothing ran is done afterwards. */
  readonly catchUp: boolean;
  /** Five fields each, as in a crontab; none: that job is not done. */
  readonly schedules: Readonly<Record<Job, readonly string[]>>;
  /** For how long after a release it is watched closely. */
  readonly watchReleaseMs: number;
  /** A disk that is fuller than so many percent is one to tell of. */
  readonly diskFullPercent: number;
}

export interface Config {
  /** Label only; default: the compose project's name. */
  readonly app: string | null;
  readonly destination: string | null;
  /** The files read, in order; empty in the no-config path. */
  readonly configFiles: readonly string[];
  readonly compose: {
    /** Absolute. Compose's project directory. */
    readonly directory: string;
    /** Absolute, in merge order, as Compose finds them. */
    readonly files: readonly string[];
    /** Null: as Compose works it out. */
    readonly projectName: string | null;
    readonly profiles: readonly string[];
    /** Absolute path of the `.env` that the commit writes the tag into (it may not exist yet). */
    readonly envFile: string;
    /** Absolute paths of the env files that were read; where two set a variable, the later wins. */
    readonly envFiles: readonly string[];
  };
  /** Process environment over `.env`: what the compose file's variables are taken from, before filtering. */
  readonly environment: Readonly<Record<string, string>>;
  /** The variables whose tag a release sets. First: the primary, which `history` shows. */
  readonly images: readonly VariableName[];
  /** Variables that must be set. */
  readonly required: readonly VariableName[];
  /** Overrides depends_on: every service once. Null: from depends_on. */
  readonly order: readonly ServiceName[] | null;
  /** Null: worked out (services with release images and what depends on them, but the edge). */
  readonly writers: readonly ServiceName[] | null;
  /** Null: worked out (what publishes ports 80/443, or depends on a writer and publishes a port). */
  readonly edge: readonly ServiceName[] | null;
  readonly fence: {
    /** `auto`: the firewall where it is within reach, else stopped services. */
    readonly mode: 'auto' | 'firewall' | 'stop';
    /** Seconds in the 503's Retry-After. */
    readonly retryAfterSeconds: number;
  };
  readonly gates: { readonly before: readonly GateSpec[]; readonly after: readonly GateSpec[] };
  readonly attempts: Attempts;
  /** How long containers must stay up unchanged after the last gate (default 3 s). */
  readonly stabilityMs: number;
  readonly init: readonly InitSpec[];
  readonly hooks: Readonly<Partial<Record<HookName, Hook>>>;
  /** Null only where the file says `database: none`. */
  readonly database: DatabaseConfig | null;
  readonly backup: {
    /** Absolute. */
    readonly directory: string;
    /** What `prune` keeps beside the backups that releases need. */
    readonly keep: KeepPolicy;
    /** gzip level 1 to 9. */
    readonly compression: number;
    /** How a deploy secures the database behind its fence; `auto`: the quicker way. */
    readonly beforeDeploy: 'archive' | 'volume' | 'auto';
    /** Null: backups are not encrypted. */
    readonly encryption: EncryptionConfig | null;
    readonly copies: readonly CopyPlace[];
  };
  /** How many earlier releases stay ready for a rollback. */
  readonly keepReleases: number;
  /** Absolute. */
  readonly stateDirectory: string;
  readonly registries: readonly RegistryCredentials[];
  readonly notify: readonly Notifier[];
  /** Extra values never to be shown; what URIs and credentials hold is found without it. */
  readonly secrets: readonly string[];
  /** By name. */
  readonly hosts: Readonly<Record<string, RemoteHost>>;
  readonly agent: AgentConfig;
  /** What a person should know but that stops nothing: an unset HEALTH_URL, say. */
  readonly warnings: readonly string[];
}
