/** What a starter configuration is written from. */
export interface StarterFacts {
  /** Variables that take the tag of a deploy. Empty: none was found. */
  readonly images: readonly string[];
  /** What holds without a configuration file. */
  readonly defaultImages: readonly string[];
  readonly writers: readonly string[];
  readonly edge: readonly string[];
  /** HEALTH_URL, where it is set. */
  readonly healthUrl: string | null;
  /** A TCP port that the edge or a writer publishes. */
  readonly publishedPort: number | null;
  readonly keepLast: number;
  readonly keepReleases: number;
}

const flow = (names: readonly string[]): string => `[${names.join(', ')}]`;
const same = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

/**
 * Which image variables are probably built together and released under one tag: those in the same folder of the registry
 * as `first`, or as the first one that is in any folder (`ghcr.io/owner/app:v1`; `redis:7` is somebody else's).
 */
export const releaseVariables = (
  named: readonly string[],
  environment: Readonly<Record<string, string>>,
  first: string,
): readonly string[] => {
  const folders = new Map<string, string>();
  for (const variable of named) {
    const { folder } = /^(?<folder>.+\/)[^/@]+:[\w][\w.-]*$/.exec(environment[variable] ?? '')?.groups ?? {};
    if (folder !== undefined) folders.set(variable, folder);
  }
  const main = named.includes(first) ? first : [...folders.keys()][0];
  if (main === undefined) return [];
  const folder = folders.get(main);
  const others = named.filter(
    (variable) => variable !== main && folder !== undefined && folders.get(variable) === folder,
  );
  return [main, ...others];
};

const imagesBlock = ({ images, defaultImages }: StarterFacts): readonly string[] => {
  const wanted = images.length === 0 ? defaultImages : images;
  return [
    '# Variables of the compose file that take the tag of a deploy. The first is the one that `history` shows.',
    `${same(wanted, defaultImages) ? '# ' : ''}images: ${flow(wanted)}`,
  ];
};

const gatesBlock = ({ healthUrl, publishedPort }: StarterFacts): readonly string[] =>
  healthUrl === null
    ? [
        '# What must answer before a deploy is done. HEALTH_URL is not set: name something here.',
        '# gates:',
        '#   after:',
        `#     - http: http://localhost:${publishedPort ?? 3000}/api/health`,
      ]
    : [
        '# What must answer before a deploy is done, beside HEALTH_URL.',
        '# gates:',
        '#   after:',
        '#     - http: http://localhost/',
        '#       body: Welcome',
      ];

/** A `kaleem-deploy.yml`: only what differs from the defaults is a setting, the rest is comments that show the defaults. */
export const starterConfig = (facts: StarterFacts): string =>
  [
    '# What kaleem-deploy should know beyond the compose file and .env. Every key is optional.',
    '# A line that is commented out shows what holds without it.',
    '',
    ...imagesBlock(facts),
    '',
    '# Services that write to the database: stopped while it is backed up, closed to requests until they are verified.',
    `# writers: ${flow(facts.writers)}`,
    '',
    '# The service that lets requests in.',
    `# edge: ${flow(facts.edge)}`,
    '',
    ...gatesBlock(facts),
    '',
    '# Backups kept beside those that a rollback needs, and earlier releases kept ready.',
    '# backup:',
    `#   keep_last: ${facts.keepLast}`,
    `# keep_releases: ${facts.keepReleases}`,
    '',
  ].join('\n');
