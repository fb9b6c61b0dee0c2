import { describe, expect, it } from 'vitest';
import { pinOf, sourceOfNext, suiteAfter } from '../../../../src/remote/setup/sources.ts';

const next = (sources: string, list = '') => sourceOfNext({ sources, list }, 'bookworm', 'trixie');

describe('an entry for the next suite', () => {
  it("is the machine's own first one for its suite, in its format", () => {
    const own = `Types: deb
# a comment
URIs: http://mirror.example.com/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example.com/debian-security
Suites: bookworm-security
Components: main
`;
    expect(next(own)).toEqual({
      file: '/etc/apt/sources.list.d/kaleem-deploy-trixie.sources',
      text: `Types: deb
URIs: http://mirror.example.com/debian
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Suites: trixie
Components: main
`,
    });
  });

  it('keeps a key that stands in the entry, line by line', () => {
    const key = 'Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----';
    const found = next(`Types: deb\nURIs: https://deb.debian.org/debian\nSuites: bookworm\nComponents: main\n${key}\n`);
    expect(found?.text).toContain(`${key}\nSuites: trixie`);
  });

  it.each([
    ['deb http://deb.debian.org/debian bookworm main contrib\n', 'deb http://deb.debian.org/debian trixie main\n'],
    [
      '# deb cdrom:[x]/ bookworm main\ndeb-src http://s bookworm main\ndeb [arch=amd64 signed-by=/k.gpg]   http://deb.debian.org/debian   bookworm  main\n',
      'deb [arch=amd64 signed-by=/k.gpg] http://deb.debian.org/debian trixie main\n',
    ],
    [
      'deb http://security.debian.org/debian-security bookworm-security main\ndeb http://a/debian bookworm main',
      'deb http://a/debian trixie main\n',
    ],
  ])('is a line where the machine has lines: %j', (list, text) => {
    expect(next('', list)).toEqual({ file: '/etc/apt/sources.list.d/kaleem-deploy-trixie.list', text });
  });

  it.each([
    ['', ''],
    ['Types: deb-src\nURIs: http://x\nSuites: bookworm\n', ''],
    ['Types: deb\nURIs: http://x\nSuites: bookworm\nEnabled: no\n', ''],
    ['Types: deb\nURIs: http://x\nSuites: bookworm-security\n', 'deb http://x bookworm-backports main'],
    ['Types: deb\nSuites: bookworm\n', '#deb http://x bookworm main'],
  ])('is none where there is nothing to copy: %j %j', (sources, list) => expect(next(sources, list)).toBeNull());

  it('is pinned low, and known for a suite whose own Docker is too old alone', () => {
    expect(pinOf('trixie')).toEqual({
      file: '/etc/apt/preferences.d/kaleem-deploy-trixie',
      text: 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n',
    });
    expect([suiteAfter('bookworm'), suiteAfter('trixie'), suiteAfter('constructor')]).toEqual(['trixie', null, null]);
  });
});
