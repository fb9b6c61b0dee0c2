import { describe, expect, it } from 'vitest';
import { isAtLeast, isNewer } from '../../../../src/remote/setup/numbers.ts';
import { chooseNext, chooseOwn, parseOffers, shownOffers } from '../../../../src/remote/setup/packages.ts';

const offer = (name: string, version: string, suite: string): string =>
  `${name.padStart(10)} | ${version.padStart(8)} | http://deb.debian.org/debian ${suite}/main amd64 Packages`;

const BOOKWORM = [
  offer('docker.io', '20.10.24+dfsg1-1+deb12u1+b6', 'bookworm'),
  offer('docker-compose', '1.29.2-3', 'bookworm'),
  offer('nodejs', '18.20.4+dfsg-1~deb12u3', 'bookworm-security'),
  offer('containerd', '1.6.20~ds1-1', 'bookworm'),
];
const TRIXIE = [
  offer('docker.io', '26.1.5+dfsg1-9+deb13u1', 'trixie'),
  offer('docker-cli', '26.1.5+dfsg1-9+deb13u1', 'trixie'),
  offer('docker-buildx', '0.13.1+ds1-3', 'trixie'),
  offer('docker-compose', '2.26.1-4', 'trixie'),
  offer('containerd', '1.7.24~ds1-6', 'trixie'),
  offer('nodejs', '20.19.2+dfsg-1', 'trixie'),
];
const offers = (...lines: readonly string[]) => parseOffers(lines.join('\n'));
const BOTH = ['engine', 'compose'] as const;

describe('versions', () => {
  it.each([
    ['26.1.5+dfsg1', '24.0', true],
    ['5:27.5.1-1~ubuntu.24.04~noble', '24.0', true],
    ['20.10.24+dfsg1-1', '24.0', false],
    ['v2.26.0', '2.26', true],
    ['2.25.9', '2.26', false],
    ['2.100.0', '2.26', true],
    ['v20.19.0\n', '20.19', true],
    ['v9.99.0', '20.19', false],
    ['', '20.19', false],
    ['latest', '20.19', false],
    [undefined, '20.19', false],
  ])('%j is at least %s: %s', (text, least, expected) => expect(isAtLeast(text, least)).toBe(expected));

  it('of this tool are newer by their numbers, and never when they are none', () => {
    expect(isNewer('0.10.0', '0.9.9')).toBe(true);
    expect(isNewer('0.1.0', '0.1.0')).toBe(false);
    expect(isNewer('bash: not found', '0.1.0')).toBe(false);
  });
});

describe('packages', () => {
  it("are the machine's own where those are new enough", () => {
    expect(chooseOwn(BOTH, offers(...TRIXIE), null)).toEqual([
      'docker.io',
      'docker-cli',
      'docker-buildx',
      'docker-compose',
    ]);
    expect(chooseOwn(['node'], offers(...TRIXIE), null)).toEqual(['nodejs']);
    const ubuntu = offers(
      offer('docker.io', '28.2.2-0ubuntu1~24.04.1', 'noble-updates'),
      offer('docker-compose-v2', '2.37.1', 'noble-updates'),
    );
    expect(chooseOwn(BOTH, ubuntu, null)).toEqual(['docker.io', 'docker-compose-v2']);
  });

  it("are those of Docker's own repository where the machine has it", () => {
    const line = (name: string, version: string) =>
      ` ${name} | ${version} | https://download.docker.com/linux/debian bookworm/stable amd64 Packages`;
    const theirs = offers(
      ...['docker-ce', 'docker-ce-cli'].map((name) => line(name, '5:27.5.1-1~debian.12~bookworm')),
      ...[line('containerd.io', '1.7.25-1'), line('docker-compose-plugin', '2.32.4-1~debian.12~bookworm')],
      ...BOOKWORM,
    );
    expect(chooseOwn(BOTH, theirs, 'trixie')).toEqual([
      'docker-ce',
      'docker-ce-cli',
      'containerd.io',
      'docker-compose-plugin',
    ]);
    expect(chooseOwn(['compose'], theirs, 'trixie')).toEqual(['docker-compose-plugin']);
  });

  it('of the next suite are never taken for the own ones, and come all of them from there', () => {
    const all = offers(...TRIXIE, ...BOOKWORM);
    expect(chooseOwn(BOTH, all, 'trixie')).toBeNull();
    expect(chooseOwn(['node'], all, 'trixie')).toBeNull();
    expect(chooseNext(BOTH, all, 'trixie')).toEqual([
      ...[
        'docker.io/trixie',
        'docker-cli/trixie',
        'docker-buildx/trixie',
        'docker-compose/trixie',
        'containerd/trixie',
      ],
    ]);
    expect(chooseNext(['compose'], all, 'trixie')).toEqual(['docker-compose/trixie']);
  });

  it('of backports are not what apt takes by itself', () => {
    const backport = offer('nodejs', '20.19.2~bpo12+1', 'bookworm-backports');
    expect(chooseOwn(['node'], offers(backport, ...BOOKWORM), 'trixie')).toBeNull();
  });

  it('are none when one of what is wanted is missing', () => {
    expect(chooseOwn(BOTH, offers(...BOOKWORM), null)).toBeNull();
    expect(chooseNext(BOTH, offers(TRIXIE[0] ?? ''), 'trixie')).toBeNull();
    expect(shownOffers(BOTH, [])).toBe('nothing');
    expect(shownOffers(['compose'], offers(...BOOKWORM))).toBe('docker-compose 1.29.2-3 (bookworm)');
  });

  it('are read from nothing but lines of offers', () => {
    expect(
      parseOffers(
        'W: x | y\n docker.io | 26; rm | http://x trixie Sources\n-o | 1.0 | http://x trixie/main amd64 Packages',
      ),
    ).toEqual([]);
  });
});
