import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  Decrypter,
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from 'age-encryption';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readIdentities } from '../../../src/backup/age/identities.ts';
import { Sealer } from '../../../src/backup/age/payload.ts';
import { serverRecipient } from '../../../src/backup/age/server-identity.ts';
import { ByteSource } from '../../../src/backup/archive/byte-source.ts';
import { dieAt, failingAt, traced } from '../../support/failpoints.ts';
import { type TemporaryFolder, temporaryFolder } from './archive-builder.ts';

const CHUNK = 64 * 1024;

let folder: TemporaryFolder;
let identity: string;
let recipient: string;
let key: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  key = await keyFile('key.txt', `# created: today\n\n${identity}\n`);
});
afterEach(() => folder.remove());

const keyFile = async (name: string, content: string, mode = 0o600): Promise<string> => {
  const path = join(folder.path, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
};

const seal = async (parts: readonly Buffer[], recipients: readonly string[] = [recipient]): Promise<Buffer> => {
  const sealer = await Sealer.to(recipients);
  return Buffer.concat([...parts.map((part) => sealer.add(part)), sealer.end()]);
};

const open = async (file: string | Buffer, identityFiles: readonly string[] = [key]): Promise<Buffer> => {
  const source = await ByteSource.open(typeof file === 'string' ? file : await folder.file(file, 'x'), identityFiles);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of source.chunks()) chunks.push(chunk);
    expect(source.sha256()).toMatch(/^[0-9a-f]{64}$/);
    return Buffer.concat(chunks);
  } finally {
    await source.close();
  }
};

const problem = (file: Buffer, identityFiles?: readonly string[]): Promise<{ code: string; message: string }> =>
  open(file, identityFiles).then(
    () => ({ code: 'none', message: '' }),
    (error: { code: string; message: string }) => error,
  );

describe('an encrypted stream', () => {
  test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 7])(
    'of %i bytes is the same to us and to the library, both ways',
    async (size) => {
      const text = randomBytes(size);
      const ours = await seal([text]);
      expect((await open(ours)).equals(text)).toBe(true);
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      expect(Buffer.from(await decrypter.decrypt(ours)).equals(text)).toBe(true);
      const encrypter = new Encrypter();
      encrypter.addRecipient(recipient);
      expect((await open(Buffer.from(await encrypter.encrypt(text)))).equals(text)).toBe(true);
    },
  );

  test('does not depend on the pieces it came in', async () => {
    const text = randomBytes(3 * CHUNK);
    const pieces = [0, 1, CHUNK - 1, CHUNK + 5, 2 * CHUNK, 3 * CHUNK].map((at, index, all) =>
      text.subarray(all[index - 1] ?? 0, at),
    );
    expect((await open(await seal(pieces))).equals(text)).toBe(true);
  });

  test('is gunzipped where it holds gzip, and nothing may follow that', async () => {
    const text = Buffer.from('kaleem '.repeat(50_000));
    expect((await open(await seal([gzipSync(text)]))).equals(text)).toBe(true);
    expect((await problem(await seal([gzipSync(text), Buffer.alloc(100_000)]))).message).toContain(
      '100000 bytes follow the end of its gzip stream',
    );
  });

  test('is given out as it comes, never held as a whole', async () => {
    const sealer = await Sealer.to([recipient]);
    let [given, got] = [0, 0];
    for (let part = 0; part < 20; part++) {
      got += sealer.add(randomBytes(100_000)).length;
      given += 100_000;
      expect(given - got).toBeLessThanOrEqual(CHUNK);
    }
    // The end is damaged: what came before has been given out by the time that shows.
    const sealed = await seal([randomBytes(40 * CHUNK)]);
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    const source = await ByteSource.open(await folder.file(sealed, 'x'), [key]);
    let bytes = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of source.chunks()) bytes += chunk.length;
    };
    await expect(read()).rejects.toMatchObject({ code: 'backup-invalid' });
    await source.close();
    expect(bytes).toBe(39 * CHUNK);
  });

  test('can be decrypted by each of its recipients alone', async () => {
    const other = await generateX25519Identity();
    const text = randomBytes(10);
    const sealed = await seal([text], [recipient, await identityToRecipient(other)]);
    expect((await open(sealed)).equals(text)).toBe(true);
    expect((await open(sealed, [await keyFile('other.txt', other)])).equals(text)).toBe(true);
  });

  test('of a post-quantum recipient can be read', async () => {
    const hybrid = await generateHybridIdentity();
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(hybrid));
    const sealed = Buffer.from(await encrypter.encrypt(Buffer.from('text')));
    expect((await open(sealed, [await keyFile('hybrid.txt', hybrid)])).toString()).toBe('text');
  });
});

describe('a file that is not as it was written', () => {
  test('is found whichever byte is flipped', async () => {
    const sealed = await seal([randomBytes(200)]);
    for (let at = 0; at < sealed.length; at++) {
      const flipped = Buffer.from(sealed);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      const opened = await open(flipped).catch((error: { code: string }) => error.code);
      // The first line is what makes it an age file; the recipient's own lines may as well be someone else's.
      if (at < 22) expect(Buffer.isBuffer(opened) && opened.equals(flipped)).toBe(true);
      else expect(['backup-invalid', 'identity-missing']).toContain(opened);
    }
  });

  test('is found wherever it is cut off', async () => {
    const sealed = await seal([randomBytes(2 * CHUNK + 100)]);
    const start = sealed.length - 2 * CHUNK - 100 - 3 * 16;
    const boundary = start + CHUNK + 16;
    const ends = [
      ...Array.from({ length: start - 22 }, (_, at) => 22 + at),
      start,
      start + 1,
      start + 16,
      boundary - 1,
    ];
    for (const end of [...ends, boundary, boundary + 1, boundary + 16, sealed.length - 100, sealed.length - 1]) {
      expect((await problem(sealed.subarray(0, end))).code, `at ${end}`).toBe('backup-invalid');
    }
    expect((await problem(sealed.subarray(0, boundary))).message).toContain(`cut off at byte ${boundary}`);
  });

  test('is found when something follows, is missing, or has moved', async () => {
    const sealed = await seal([randomBytes(3 * CHUNK)]);
    const start = sealed.length - 3 * (CHUNK + 16);
    const chunk = (index: number): Buffer =>
      sealed.subarray(start + index * (CHUNK + 16), start + (index + 1) * (CHUNK + 16));
    const of = (...chunks: Buffer[]): Buffer => Buffer.concat([sealed.subarray(0, start), ...chunks]);
    expect((await open(of(chunk(0), chunk(1), chunk(2)))).length).toBe(3 * CHUNK);
    expect((await problem(Buffer.concat([sealed, Buffer.alloc(1)]))).message).toContain('something follows the end');
    for (const wrong of [
      of(chunk(1), chunk(0), chunk(2)),
      of(chunk(0), chunk(2)),
      of(chunk(0), chunk(0), chunk(1), chunk(2)),
      of(chunk(2)),
    ]) {
      expect(await problem(wrong)).toMatchObject({ code: 'backup-invalid', message: expect.stringMatching(/byte/) });
    }
  });

  test('says which bytes are damaged', async () => {
    const sealed = await seal([randomBytes(3 * CHUNK)]);
    const start = sealed.length - 3 * (CHUNK + 16);
    const at = start + CHUNK + 16;
    sealed[at + 5] = (sealed[at + 5] ?? 0) ^ 1;
    expect((await problem(sealed)).message).toContain(`bytes ${at} to ${at + CHUNK + 15} are not what was encrypted`);
  });

  test('is refused when its header does not end, or is not a header', async () => {
    const line = 'age-encryption.org/v1\n';
    for (const header of [line, `${line}-> X25519 x\n`, `${line}${'-> a b\n'.repeat(50_000)}`, `${line}\n--- x\n`]) {
      expect(await problem(Buffer.from(header))).toMatchObject({
        code: 'backup-invalid',
        message: expect.stringContaining('header is damaged'),
      });
    }
  });
});

describe('a file that nobody here can decrypt', () => {
  test('is no damaged one, and the error says what was tried and what to type', async () => {
    const sealed = await seal([randomBytes(10)]);
    const other = await keyFile('other.txt', await generateX25519Identity());
    const none = join(folder.path, 'none.txt');
    expect(await problem(sealed, [none, other])).toMatchObject({
      code: 'identity-missing',
      message: expect.stringContaining('/x is encrypted'),
      hint: expect.stringContaining('--identity FILE'),
      details: [expect.stringContaining(none), expect.stringContaining(other)],
    });
    expect((await problem(sealed, [])).code).toBe('identity-missing');
    // One that can't be read is in nobody's way.
    expect((await open(sealed, [none, other, key])).length).toBe(10);
  });

  test('with a passphrase, or in ASCII, is refused with the way out', async () => {
    const encrypter = new Encrypter();
    encrypter.setPassphrase('correct horse');
    encrypter.setScryptWorkFactor(2);
    expect(await problem(Buffer.from(await encrypter.encrypt('text')))).toMatchObject({
      code: 'identity-missing',
      message: expect.stringContaining('passphrase'),
      hint: expect.stringContaining('age -d -o'),
    });
    expect(await problem(Buffer.from('-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n'))).toMatchObject({
      code: 'backup-invalid',
      message: expect.stringContaining('ASCII-armored'),
      hint: expect.stringContaining('age -d -i'),
    });
  });
});

describe('an identity file', () => {
  test('has one identity on each line, and comments', async () => {
    const second = await generateX25519Identity();
    expect(await readIdentities(await keyFile('k', `# a\r\n${identity}\r\n\n  ${second}\n#${identity}`))).toEqual([
      identity,
      second,
    ]);
  });

  test('that is none is refused, and nothing of it is shown', async () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      [`${identity}\n${identity.slice(0, -1)}${identity.endsWith('Q') ? 'P' : 'Q'}\n`, /checksum is wrong \(line 2\)/],
      [identity.slice(0, -3), /checksum is wrong/],
      [identity.toLowerCase(), /something else than an identity/],
      [`key: ${identity}`, /something else than an identity/],
      [recipient, /holds a recipient/],
      ['AGE-PLUGIN-YUBIKEY-1QQQQ', /plugin/],
      ['-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n', /SSH key/],
      ['age-encryption.org/v1\n-> scrypt x 18\n', /passphrase/],
      ['-----BEGIN AGE ENCRYPTED FILE-----\n', /passphrase/],
      ['# nothing\n', /holds no identity/],
    ];
    for (const [content, says] of wrong) {
      const error = (await readIdentities(await keyFile('k', content)).catch((thrown: unknown) => thrown)) as Error;
      expect(error).toMatchObject({ code: 'config-invalid', message: expect.stringMatching(says) });
      const { cause, message } = error;
      expect(cause).toBeUndefined();
      for (const part of [identity, identity.toLowerCase()]) expect(message).not.toContain(part.slice(20, 40));
    }
    await expect(readIdentities(join(folder.path, 'none'))).rejects.toMatchObject({ code: 'config-invalid' });
  });

  test('that others can read is refused', async () => {
    await expect(readIdentities(await keyFile('k', identity, 0o644))).rejects.toMatchObject({
      code: 'config-unsafe',
      hint: expect.stringContaining('chmod 600'),
    });
  });
});

describe("the server's own identity", () => {
  const at = new Date('2026-03-01T10:00:00Z');
  const path = (): string => join(folder.path, 'backup-identity.txt');

  test('is made once, private, in the form of age-keygen', async () => {
    const own = await serverRecipient(path(), at);
    const content = await readFile(path(), 'utf8');
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    expect(content).toContain(`# created: 2026-03-01T10:00:00.000Z\n# public key: ${own}\n`);
    expect(await serverRecipient(path(), new Date())).toBe(own);
    expect(await readFile(path(), 'utf8')).toBe(content);
    expect((await open(await seal([Buffer.from('text')], [recipient, own]), [path()])).toString()).toBe('text');
  });

  test('is never replaced, though it is damaged', async () => {
    await keyFile('backup-identity.txt', 'AGE-SECRET-KEY-1');
    await expect(serverRecipient(path(), at)).rejects.toMatchObject({ code: 'config-invalid' });
    expect(await readFile(path(), 'utf8')).toBe('AGE-SECRET-KEY-1');
  });

  test.each(['file.create.written', 'file.rename.before'])(
    'is whole or not there when the disk fails at %s',
    async (name) => {
      const before = await readdir(folder.path);
      await failingAt(name, 1, 'ENOSPC', () =>
        expect(serverRecipient(path(), at)).rejects.toMatchObject({ code: 'ENOSPC' }),
      );
      expect(await readdir(folder.path)).toEqual(before);
    },
  );

  test('is whole or not there when its process dies at any point, and the next one goes on', async () => {
    const points = await traced(() => serverRecipient(path(), at));
    expect(points.length).toBeGreaterThan(5);
    for (const point of points) {
      await rm(path(), { force: true });
      const [name = '', hit] = point.split('#');
      const death = dieAt(name, Number(hit));
      await Promise.race([death.met, serverRecipient(path(), at)]);
      await death.bury();
      const content = await readFile(path(), 'utf8').catch(() => null);
      const recipientThen = await serverRecipient(path(), at);
      if (content !== null) expect(content).toContain(`# public key: ${recipientThen}\n`);
    }
  });
});
