import { beforeAll, describe, expect, it } from 'vitest';
import { type SourceScan, scanSources } from '../../support/failpoint-names.ts';

/** Methods of the edge interfaces that only look. Any other must have failpoints. */
const READS = {
  Docker: ['info', 'containers', 'inspect', 'containersOnNetwork', 'image', 'logs', 'streamLogs'],
  ComposeClient: [],
  Firewall: ['operations'],
} as const;

/** Files that change something on the disk without a failpoint, and why that is right. */
const UNGUARDED: Readonly<Record<string, string>> = {
  'src/system/log.ts': 'the debug log never fails its caller, and nothing depends on it',
  'src/operation/runner/runtime-folder.ts': 'nothing of an operation lies there: sockets, in memory, for followers',
  'src/operation/runner/socket.ts': 'the same',
};

describe('failpoints in the sources', () => {
  let scan: SourceScan;
  beforeAll(() => {
    scan = scanSources();
  }, 60_000);

  it('all have names that can be listed', () => {
    expect(scan.unknown).toEqual([]);
    expect(scan.names.filter((name) => !/^[a-z]+(\.[A-Za-z-]+)+$/.test(name))).toEqual([]);
    expect(scan.names.length).toBeGreaterThan(200);
  });

  it.each([
    ['Docker', 'docker'],
    ['ComposeClient', 'compose'],
    ['Firewall', 'firewall'],
  ] as const)('stand before and after each method of %s that changes something', (name, prefix) => {
    const reads: readonly string[] = READS[name];
    const expected = scan
      .methodsOf(name)
      .flatMap((method) => (reads.includes(method) ? [] : [`${prefix}.${method}.after`, `${prefix}.${method}.before`]));
    const wrapped = [...new Set(scan.names.map((each) => each.replace(/\.(before|after)$/, '')))];
    for (const point of expected) expect(scan.names).toContain(point);
    for (const read of reads) expect(wrapped).not.toContain(`${prefix}.${read}`);
  });

  it('stand by every call that changes a file', () => {
    const files = [...new Set(scan.bareFileCalls.map((place) => place.split(':')[0] ?? ''))];
    expect(files.filter((file) => UNGUARDED[file] === undefined)).toEqual([]);
    // Also that the look finds what there is to find.
    expect(files).toEqual(expect.arrayContaining(['src/system/log.ts', 'src/operation/runner/socket.ts']));
  });

  it('stand by every command that changes something in a database', () => {
    expect(scan.bareCommands).toEqual([]);
    // Create, drop, rename, collMod, index, insert, TTL, killOp, replSetInitiate.
    expect(scan.commands.length).toBeGreaterThanOrEqual(9);
  });
});
