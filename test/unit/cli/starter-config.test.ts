import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { releaseVariables, type StarterFacts, starterConfig } from '../../../src/cli/render/starter-config.ts';
import { configFile } from '../../../src/config/schema.ts';
import { run } from './support.ts';

const facts: StarterFacts = {
  images: ['KALEEM_API_IMAGE'],
  defaultImages: ['KALEEM_API_IMAGE'],
  writers: ['api', 'frontend'],
  edge: ['nginx'],
  healthUrl: 'http://localhost:3000/api/health',
  publishedPort: 80,
  keepLast: 7,
  keepReleases: 5,
};

describe('the configuration that init writes', () => {
  it('is comments alone where the defaults hold', () => {
    expect(
      starterConfig(facts),
    ).toBe(`# What kaleem-deploy should know beyond the compose file and .env. Every key is optional.
# A line that is commented out shows what holds without it.

# Variables of the compose file that take the tag of a deploy. The first is the one that \`history\` shows.
# images: [KALEEM_API_IMAGE]

# Services that write to the database: stopped while it is backed up, closed to requests until they are verified.
# writers: [api, frontend]

# The service that lets requests in.
# edge: [nginx]

# What must answer before a deploy is done, beside HEALTH_URL.
# gates:
#   after:
#     - http: http://localhost/
#       body: Welcome

# Backups kept beside those that a rollback needs, and earlier releases kept ready.
# backup:
#   keep_last: 7
# keep_releases: 5
`);
    expect(parse(starterConfig(facts))).toBeNull();
  });

  it('sets the images that a deploy would not find itself', () => {
    expect(parse(starterConfig({ ...facts, images: ['A_IMAGE', 'B_IMAGE'] }))).toEqual({
      images: ['A_IMAGE', 'B_IMAGE'],
    });
  });

  it('falls back to the default where no image variable was found', () => {
    expect(starterConfig({ ...facts, images: [] })).toContain('\n# images: [KALEEM_API_IMAGE]\n');
  });

  it('asks for a gate where HEALTH_URL is not set', () => {
    expect(starterConfig({ ...facts, healthUrl: null })).toContain('#     - http: http://localhost:80/api/health\n');
    expect(starterConfig({ ...facts, healthUrl: null, publishedPort: null })).toContain('localhost:3000');
  });

  it.each([facts, { ...facts, images: ['A', 'B'] }, { ...facts, healthUrl: null }])(
    'is valid with every comment taken away: %j',
    (each) => {
      const text = starterConfig(each)
        .split('\n')
        .filter((line) => !/^# [A-Z]/.test(line))
        .map((line) => line.replace(/^# /, ''))
        .join('\n');
      expect(configFile.parse(parse(text))).toMatchObject({ images: each.images, writers: each.writers });
    },
  );
});

describe('release variables', () => {
  const environment = {
    KALEEM_API_IMAGE: 'ghcr.io/o/repo/kaleem-api:v1',
    KALEEM_WEB_IMAGE: 'ghcr.io/o/repo/kaleem-web:v1',
    OTHER_IMAGE: 'ghcr.io/else/app:v1',
    REDIS_IMAGE: 'redis:7',
    LOCAL: 'localhost:5000/app:v1',
    REGISTRY: 'ghcr.io/o/repo',
    PINNED: `ghcr.io/o/repo/x@sha256:${'a'.repeat(64)}`,
  };
  const of = (named: readonly string[]) => releaseVariables(named, environment, 'KALEEM_API_IMAGE');

  it('are those of one folder of the registry, the default first', () => {
    expect(of(['REDIS_IMAGE', 'KALEEM_WEB_IMAGE', 'OTHER_IMAGE', 'KALEEM_API_IMAGE', 'REGISTRY', 'PINNED'])).toEqual([
      'KALEEM_API_IMAGE',
      'KALEEM_WEB_IMAGE',
    ]);
  });
  it('begin with the first of any folder where the default is not named', () => {
    expect(of(['REDIS_IMAGE', 'LOCAL', 'KALEEM_WEB_IMAGE'])).toEqual(['LOCAL']);
  });
  it('may be the default alone, set or not, or none', () => {
    expect(releaseVariables(['KALEEM_API_IMAGE', 'A', 'B'], { A: 'x:1', B: 'y:1' }, 'KALEEM_API_IMAGE')).toEqual([
      'KALEEM_API_IMAGE',
    ]);
    expect(of(['REDIS_IMAGE', 'UNSET'])).toEqual([]);
  });
});

describe('init', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaleem-init-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('never overwrites, --yes or not', async () => {
    const path = join(folder, 'kaleem-deploy.yml');
    await writeFile(path, 'mine: 1\n');
    for (const argv of [['init'], ['init', '--yes'], ['init', '--dry-run']]) {
      expect(await run(argv, { cwd: folder })).toEqual({
        exitCode: 2,
        out: '',
        err: `error: ${path} is there already, and init never overwrites it\nhint: edit it, or move it away; kaleem-deploy config shows how it is understood\n`,
      });
    }
    expect(await readFile(path, 'utf8')).toBe('mine: 1\n');
  });

  it.each([
    ['-c', 'other.yml'],
    ['-d', 'staging'],
  ])('takes no %s', async (...option) => {
    const { exitCode, err } = await run(['init', ...option], { cwd: folder });
    expect(exitCode).toBe(2);
    expect(err).toContain('it takes no --config, no --destination');
    expect(await readdir(folder)).toEqual([]);
  });
});
