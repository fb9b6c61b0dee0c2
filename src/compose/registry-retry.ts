import { DeployError } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import { reasonIn } from './failure.ts';
import { parseImageReference, registryOf } from './image-reference.ts';
import { classifyRegistryFailure, type RegistryFailure, type RegistryFailureKind } from './registry-failure.ts';

/** What one try came to: a value, or what the registry or engine said. */
export type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly said: string };

export interface RetryOptions {
  readonly reference: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** 0 to 1; default Math.random. */
  readonly random?: (() => number) | undefined;
}

const MOST_TRIES = 6;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** A registry that asks for more is treated as not reachable: an operator can decide better than we can wait. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * Tries until it works, can't heal, or has been tried 6 times. Waits double from 0.5 s to 15 s, with jitter; longer where
 * the registry says so, up to a minute.
 *
 * @throws DeployError naming the image: 'image-not-found', 'registry-denied', 'registry-unreachable', 'wrong-architecture', 'disk-full',
 * 'pull-failed'; the signal's reason when it is aborted
 */
export const withRegistryRetry = async <T>(attempt: () => Promise<Attempt<T>>, options: RetryOptions): Promise<T> => {
  const random = options.random ?? Math.random;
  for (let tries = 1; ; tries += 1) {
    options.signal?.throwIfAborted();
    const result = await attempt();
    if (result.ok) return result.value;
    const failure = classifyRegistryFailure(result.said);
    const asked = failure.retryAfterMs ?? 0;
    if (!failure.retry || tries === MOST_TRIES || asked > LONGEST_RETRY_AFTER_MS) {
      throw registryError(options.reference, failure, result.said, tries);
    }
    const backoff = Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), LONGEST_WAIT_MS);
    await options.clock.sleep(asked + backoff * (0.5 + random() / 2), options.signal);
  }
};

const registryError = (reference: string, failure: RegistryFailure, said: string, tries: number): DeployError => {
  const last = reasonIn(said);
  const parsed = parseImageReference(reference, 'compose-invalid');
  const registry = registryOf(parsed);
  const login = registry === 'docker.io' ? 'docker login' : `docker login ${registry}`;
  const again = tries > 1 ? ` (tried ${tries} times)` : '';
  const errors = {
    'not-found': () =>
      new DeployError('image-not-found', `${reference} is not in the registry: ${last}`, {
        hint: `check that ${parsed.tag ?? parsed.digest ?? 'latest'} was pushed to ${parsed.repository}`,
      }),
    denied: () =>
      new DeployError('registry-denied', `${registry} refuses ${reference}: ${last}`, {
        hint: `${login} (as the user who deploys), and check that ${parsed.repository} exists`,
      }),
    'wrong-architecture': () =>
      new DeployError('wrong-architecture', `${reference} was not built for this machine: ${last}`, {
        hint: 'build it for this platform too: docker buildx build --platform linux/amd64,linux/arm64 --push',
      }),
    'disk-full': () =>
      new DeployError('disk-full', `no room to pull ${reference}: ${last}`, {
        hint: 'docker system df shows what uses it',
      }),
    'rate-limited': () =>
      new DeployError(
        'registry-unreachable',
        `${registry} limits pulls, and refuses ${reference} for now${again}: ${last}`,
        {
          hint: `wait, or get a higher limit: ${login}`,
        },
      ),
    transient: () =>
      new DeployError('registry-unreachable', `${registry} could not be reached for ${reference}${again}: ${last}`, {
        hint: 'check the network and the registry, then run this again',
      }),
    permanent: () =>
      new DeployError('pull-failed', `can't get ${reference}: ${last}`, { hint: `try: docker pull ${reference}` }),
  } satisfies Record<RegistryFailureKind, () => DeployError>;
  return errors[failure.kind]();
};
