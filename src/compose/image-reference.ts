import { DeployError, type ErrorCode } from '../errors.ts';

/** An image's name as people write it: `ghcr.io/owner/repo:v1`, `localhost:5000/app@sha256:...`. */
export interface ImageReference {
  /** With the registry's host where one is written; nothing is added (`redis` stays `redis`). */
  readonly repository: string;
  readonly tag: string | null;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string | null;
}

// The grammar of https://github.com/distribution/reference (reference.go).
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const HOST =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d+)?$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const LONGEST_REPOSITORY = 255;

/**
 * @param code - what kind of mistake a bad one is: it was read from the environment, or from a config file
 * @throws DeployError 'env-invalid' (or `code`) naming the text and what is wrong with it
 */
export const parseImageReference = (
  text: string,
  code: Extract<ErrorCode, 'env-invalid' | 'config-invalid' | 'compose-invalid'> = 'env-invalid',
): ImageReference => {
  const refuse = (reason: string): never => {
    throw new DeployError(code, `${JSON.stringify(text)} is not an image reference: ${reason}`, {
      hint: 'write it as registry/owner/name:tag, for example ghcr.io/owner/repo/kaleem-api:v0.0.1',
    });
  };
  if (text === '') return refuse('it is empty');
  const at = text.indexOf('@');
  const [named, digest] = at === -1 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  if (digest !== null && !DIGEST.test(digest)) return refuse(`${JSON.stringify(digest)} is not a digest`);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  const [repository, tag] = tagged ? [named.slice(0, colon), named.slice(colon + 1)] : [named, null];
  if (tag !== null && !TAG.test(tag)) return refuse(`${JSON.stringify(tag)} is not a tag`);
  const { host, path } = splitRepository(repository);
  if (host !== null && !HOST.test(host)) return refuse(`${JSON.stringify(host)} is not a registry's host`);
  if (path !== path.toLowerCase()) return refuse('a repository is written in lower case');
  const bad = path.split('/').find((component) => !PATH_COMPONENT.test(component));
  if (bad !== undefined) return refuse(`${JSON.stringify(bad)} can't be part of a repository`);
  if (repository.length > LONGEST_REPOSITORY) return refuse('its repository is longer than 255 characters');
  return { repository, tag, digest };
};

const splitRepository = (repository: string): { readonly host: string | null; readonly path: string } => {
  const slash = repository.indexOf('/');
  const first = repository.slice(0, slash);
  const hasHost = slash !== -1 && (/[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  return hasHost ? { host: first, path: repository.slice(slash + 1) } : { host: null, path: repository };
};

/** The registry that serves it: `ghcr.io`, `localhost:5000`; `docker.io` where none is written. */
export const registryOf = (reference: Pick<ImageReference, 'repository'>): string =>
  splitRepository(reference.repository).host ?? 'docker.io';

/** `repository:tag`, without the digest that the reference may have had. */
export const withTag = (reference: Pick<ImageReference, 'repository'>, tag: string): string =>
  `${reference.repository}:${tag}`;

/** Whether a text matches the OCI grammar of tags, `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`. */
export const isTag = (text: string): boolean => TAG.test(text);

/** @throws DeployError 'tag-invalid' unless `tag` is one. */
export const assertTag = (tag: string): void => {
  if (isTag(tag)) return;
  const reason = tag.length > 128 ? `it has ${tag.length} characters, and 128 are the most` : 'see the grammar below';
  throw new DeployError('tag-invalid', `${JSON.stringify(tag)} is not an image tag: ${reason}`, {
    hint: 'a tag has letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`: for example v0.0.2',
  });
};
