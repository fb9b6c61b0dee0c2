import { z } from 'zod';

/** One release variable's image. */
export interface ReleaseImage {
  readonly variable: string;
  /** repo:tag, as in `.env`. */
  readonly reference: string;
  readonly tag: string;
  /** `sha256:...`; null when no registry knows the image. */
  readonly digest: string | null;
  readonly imageId: string;
  /** What is really run: repo:tag@sha256:..., or the image id. */
  readonly pinned: string;
}

export interface ReleaseService {
  /** Reference in the compose file. */
  readonly image: string;
  readonly imageId: string;
  /** Our own tag that keeps the image from being pruned. */
  readonly heldAs: string | null;
}

/** What is or was live. */
export interface Release {
  /** 1, 2, ...; orders releases. Never used again. */
  readonly id: number;
  readonly tag: string;
  /** `adopted`: it ran before this tool came. */
  readonly origin: 'deployed' | 'adopted';
  readonly images: readonly ReleaseImage[];
  readonly services: Readonly<Record<string, ReleaseService>>;
  /** Names of the variables that were set when it was deployed. */
  readonly variables: readonly string[];
  /** Id of the backup taken when this release was replaced. */
  readonly backup: string | null;
  /** `good`: was live, and may be again. `bad`: failed, or was rolled back from. */
  readonly status: 'live' | 'good' | 'bad';
  readonly who: string;
  /** ISO 8601. */
  readonly at: string;
  /** Id of the operation that made it. */
  readonly operation: string;
  readonly downtimeMs: number | null;
  readonly backupDurationMs: number | null;
}

/** A file as it was when the release was taken. */
export interface SnapshotFile {
  /** Absolute. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** What it takes to bring a release up again, whatever was edited since. Holds secrets. */
export interface Snapshot {
  /** The rendered compose file, JSON or YAML, with the release's images pinned. */
  readonly compose: string;
  /** Compose files, `.env`, bind-mounted config files. */
  readonly files: readonly SnapshotFile[];
}

/** On disk a release is good or bad; the `live` file alone says which one is live. */
export type StoredRelease = Omit<Release, 'status'> & { readonly status: 'good' | 'bad' };

const milliseconds = z.number().nonnegative().nullable();

export const releaseImageSchema = z.strictObject({
  variable: z.string(),
  reference: z.string(),
  tag: z.string(),
  digest: z.string().nullable(),
  imageId: z.string(),
  pinned: z.string(),
});

/** release.json. */
export const releaseSchema = z.strictObject({
  id: z.int().positive(),
  tag: z.string(),
  origin: z.enum(['deployed', 'adopted']),
  images: z.array(releaseImageSchema),
  services: z.record(
    z.string(),
    z.strictObject({ image: z.string(), imageId: z.string(), heldAs: z.string().nullable() }),
  ),
  variables: z.array(z.string()),
  backup: z.string().nullable(),
  status: z.enum(['good', 'bad']),
  who: z.string(),
  at: z.string(),
  operation: z.string(),
  downtimeMs: milliseconds,
  backupDurationMs: milliseconds,
}) satisfies z.ZodType<StoredRelease>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** files.json: what belongs to files/000, files/001, ..., in this order. */
export const filesSchema = z.strictObject({
  compose: sha256,
  files: z.array(z.strictObject({ path: z.string().startsWith('/'), mode: z.int().min(0).max(0o7777), sha256 })),
});
