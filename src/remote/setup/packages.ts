import { isAtLeast } from './numbers.ts';

/** What README.md asks for; older ones lack what the compose files of today have. */
export const LEAST = { engine: '24.0', compose: '2.26', node: '20.19' } as const;

/** What apt could install: for each package the suite's versions, `release/suite` as it names them. */
export interface Offer {
  readonly name: string;
  readonly version: string;
  /** `bookworm`, `bookworm-security`, `trixie`. */
  readonly suite: string;
}

/** ` docker.io | 26.1.5+dfsg1-9 | http://deb.debian.org/debian trixie/main amd64 Packages` (apt-cache(8), madison). */
export const parseOffers = (madison: string): readonly Offer[] =>
  madison.split('\n').flatMap((line) => {
    const [, name, version, suite] =
      /^\s*([a-z0-9][a-z0-9.+-]*) \| +(\S+) +\| \S+ ([A-Za-z0-9._-]+)\/?\S* \S+ Packages$/.exec(line) ?? [];
    return name === undefined || version === undefined || suite === undefined ? [] : [{ name, version, suite }];
  });

export type Wanted = 'engine' | 'compose' | 'node';

/** By preference: a repository of the maker's, where the machine has one, is there for a reason. */
const NAMES: Readonly<Record<Wanted, readonly string[]>> = {
  engine: ['docker-ce', 'docker.io'],
  compose: ['docker-compose-plugin', 'docker-compose-v2', 'docker-compose'],
  node: ['nodejs'],
};
/** What the engine's package only recommends, where it is a package of its own. */
const WITH_ENGINE: Readonly<Record<string, readonly string[]>> = {
  'docker-ce': ['docker-ce-cli', 'containerd.io', 'docker-buildx-plugin'],
  'docker.io': ['docker-cli', 'docker-buildx'],
};

/** Everything that offers are asked for. */
export const ASKED: readonly string[] = [
  ...Object.values(NAMES).flat(),
  ...Object.values(WITH_ENGINE).flat(),
  ...['containerd', 'iptables', 'sudo'],
];

/** Packages that bring all of `wanted`, from offers that can be installed together; null: nothing good enough is offered. */
const choose = (wanted: readonly Wanted[], offers: readonly Offer[]): readonly string[] | null => {
  const isOffered = (name: string): boolean => offers.some((each) => each.name === name);
  const chosen = wanted.map((each) =>
    NAMES[each].find((name) => offers.some((offer) => offer.name === name && isAtLeast(offer.version, LEAST[each]))),
  );
  if (chosen.includes(undefined)) return null;
  const names = chosen.flatMap((name) => (name === undefined ? [] : [name, ...(WITH_ENGINE[name] ?? [])]));
  return [...new Set(names.filter(isOffered))];
};

/** The newest version of each package, as apt would take it. */
const ofSuite = (offers: readonly Offer[], own: (suite: string) => boolean): readonly Offer[] =>
  offers.filter(({ suite }) => own(suite));

/** Whether apt takes packages of the suite by itself: not those of the one after the machine's own, nor backports. */
const isOwn =
  (next: string | null) =>
  (suite: string): boolean =>
    suite !== next && !suite.endsWith('-backports') && suite !== 'experimental';

/** From what the machine has by itself: nothing of the suite after its own. */
export const chooseOwn = (wanted: readonly Wanted[], offers: readonly Offer[], next: string | null) =>
  choose(wanted, ofSuite(offers, isOwn(next)));

/** From the suite after its own: `docker.io/trixie`. The engine's own parts must be of one suite. */
export const chooseNext = (
  wanted: readonly Wanted[],
  offers: readonly Offer[],
  next: string,
): readonly string[] | null => {
  const theirs = ofSuite(offers, (suite) => suite === next);
  const names = choose(wanted, theirs);
  const parts = names?.includes('docker.io') === true ? [...names, 'containerd'] : names;
  return parts?.map((name) => `${name}/${next}`) ?? null;
};

/** `docker.io 20.10.24 (bookworm), docker-compose 1.29.2 (bookworm)`, for messages. */
export const shownOffers = (wanted: readonly Wanted[], offers: readonly Offer[]): string =>
  offers
    .filter(({ name }) => wanted.some((each) => NAMES[each].includes(name)))
    .map(({ name, version, suite }) => `${name} ${version} (${suite})`)
    .join(', ') || 'nothing';
