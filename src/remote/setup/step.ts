import type { Readable } from 'node:stream';
import { DeployError } from '../../errors.ts';
import type { Administrator } from './administrator.ts';
import type { Found } from './look.ts';
import type { Offer } from './packages.ts';

/** What is wanted of a host, once it is known what is there. */
export interface Wishes {
  /** Of this version and digest, packed. */
  readonly tool: Tool;
  readonly account: string;
  /** The project's folder there, absolute. */
  readonly directory: string;
  /** An older version than the one that is there may take its place. */
  readonly downgrade: boolean;
  /** Node's own binary here, when the host could run it. */
  readonly spareNode: SpareNode | null;
  readonly key: DeployKey;
}

/** The key that may deploy, as it is on this computer. */
export interface DeployKey {
  /** `ssh-ed25519 AAAA... comment`; null: it is yet to be made. */
  readonly publicKey: string | null;
  /** Of the private half, as a person would write it. */
  readonly shown: string;
  /** Makes it, where it is yet to be made; resolves to its public half. */
  make(): Promise<string>;
}

export interface Tool {
  readonly version: string;
  /** Folder of it there: version and digest. */
  readonly folder: string;
  /** A tar archive, compressed. */
  readonly archive: Uint8Array;
}

export interface SpareNode {
  readonly path: string;
  readonly version: string;
  /** `linux` and `x64`, as Node has them. */
  readonly platform: string;
  readonly architecture: string;
}

/** What steps do on the host, and tell each other. */
export interface Site {
  readonly there: Administrator;
  /** Output of a script; throws 'setup-failed' with its last lines when it fails. `what` completes "... failed". */
  sh(what: string, script: string, args?: readonly string[], input?: Readable): Promise<string>;
  /** Replaces a file of root's. `check` looks at it before it gets its name. */
  write(path: string, text: string, mode: string, check?: 'sudoers'): Promise<void>;
  /** Absolute path of the Node that is to run the tool. */
  node: string | null;
  /** Of apt, once it was asked. */
  offers: readonly Offer[] | null;
}

export type Finding =
  | { readonly is: 'ok'; readonly detail: string }
  /** `would` completes "would ..."; `act` says what it did. */
  | { readonly is: 'change'; readonly would: string; readonly act: (site: Site) => Promise<string> };

/** Decides by what was found; what can't be done is refused by throwing, before anything is changed. */
export interface Step {
  readonly name: string;
  decide(found: Found, wishes: Wishes): Finding;
}

export const ok = (detail: string): Finding => ({ is: 'ok', detail });

/** What setup does not do, and what to do instead. */
export const refuse = (message: string, hint: string, details: readonly string[] = []): never => {
  throw new DeployError('unsupported', message, { hint, details });
};
