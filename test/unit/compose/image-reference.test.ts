import { describe, expect, test } from 'vitest';
import { assertTag, parseImageReference, registryOf, withTag } from '../../../src/compose/image-reference.ts';
import type { DeployError } from '../../../src/errors.ts';

const DIGEST = `sha256:${'a1'.repeat(32)}`;

describe('an image reference', () => {
  test.each([
    ['redis', 'redis', null, null, 'docker.io'],
    ['redis:7', 'redis', '7', null, 'docker.io'],
    ['library/redis:7-alpine', 'library/redis', '7-alpine', null, 'docker.io'],
    ['ghcr.io/owner/repo/kaleem-api:v0.0.1', 'ghcr.io/owner/repo/kaleem-api', 'v0.0.1', null, 'ghcr.io'],
    ['localhost/app', 'localhost/app', null, null, 'localhost'],
    ['localhost:5000/app', 'localhost:5000/app', null, null, 'localhost:5000'],
    ['127.0.0.1:5000/kaleem/api:v1', '127.0.0.1:5000/kaleem/api', 'v1', null, '127.0.0.1:5000'],
    ['[::1]:5000/app:v1', '[::1]:5000/app', 'v1', null, '[::1]:5000'],
    ['Registry.Example.com/app:v1', 'Registry.Example.com/app', 'v1', null, 'Registry.Example.com'],
    [`redis@${DIGEST}`, 'redis', null, DIGEST, 'docker.io'],
    [`localhost:5000/a/b:v1.2_x@${DIGEST}`, 'localhost:5000/a/b', 'v1.2_x', DIGEST, 'localhost:5000'],
    ['a__b/c-d.e:T', 'a__b/c-d.e', 'T', null, 'docker.io'],
  ])('%s is taken apart', (text, repository, tag, digest, registry) => {
    const parsed = parseImageReference(text);
    expect(parsed).toEqual({ repository, tag, digest });
    expect(registryOf(parsed)).toBe(registry);
  });

  test.each([
    ['', 'it is empty'],
    ['X Y', 'lower case'],
    ['a b', '"a b" can\'t be part'],
    ['Redis:7', 'lower case'],
    ['ghcr.io/Owner/repo:v1', 'lower case'],
    ['redis:', '"" is not a tag'],
    ['redis:-x', '"-x" is not a tag'],
    [`redis:${'x'.repeat(129)}`, 'is not a tag'],
    ['redis@sha256:abc', '"sha256:abc" is not a digest'],
    ['redis@', '"" is not a digest'],
    ['/redis', "can't be part"],
    ['a//b', "can't be part"],
    ['a/', "can't be part"],
    ['-bad-.io/app', '"-bad-.io" is not a registry'],
    ['localhost:port/app', '"localhost:port" is not a registry'],
    ['${KALEEM_API_IMAGE}', 'is not a'],
    [`a/${'b'.repeat(300)}`, '255'],
  ])('%s is refused, and the reason is named', (text, reason) => {
    expect(() => parseImageReference(text)).toThrow(reason);
  });

  test('a bad one carries the code of where it was read', () => {
    const codeOf = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return (error as DeployError).code;
      }
      return null;
    };
    expect(codeOf(() => parseImageReference('A'))).toBe('env-invalid');
    expect(codeOf(() => parseImageReference('A', 'config-invalid'))).toBe('config-invalid');
  });

  test('withTag replaces the tag and drops the digest', () => {
    expect(withTag(parseImageReference(`localhost:5000/app:v1@${DIGEST}`), 'v2')).toBe('localhost:5000/app:v2');
  });
});

describe('a tag', () => {
  test.each(['v0.0.2', 'latest', '_x', '1', 'A.b-c_d', 'x'.repeat(128)])('%s is accepted', (tag) => {
    expect(() => assertTag(tag)).not.toThrow();
  });

  test.each(['', '.x', '-x', 'a b', 'a/b', 'a:b', 'ä', 'x\n', '$(id)', 'x'.repeat(129)])(
    '%j is refused by name',
    (tag) => {
      expect(() => assertTag(tag)).toThrow(
        expect.objectContaining({ code: 'tag-invalid', message: expect.stringContaining(JSON.stringify(tag)) }),
      );
    },
  );
});
