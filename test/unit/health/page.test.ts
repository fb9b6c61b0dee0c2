import { afterEach, describe, expect, test } from 'vitest';
import { pageGate } from '../../../src/health/page.ts';
import { pageAssets } from '../../../src/health/page-assets.ts';
import { base, context, createServers, tryGate } from './support.ts';

const servers = createServers();
afterEach(() => servers.closeAll());

type Content = readonly [type: string, body: string, status?: number] | 'hang';

/** Serves `pages` by path; anything else is the index page with status 200, as single-page servers do. */
const site = async (pages: Readonly<Record<string, Content>>, log: string[] = []) =>
  servers.http((request, response) => {
    log.push(request.url ?? '');
    const content = pages[request.url ?? ''] ?? pages['/'] ?? ['text/html', ''];
    if (content === 'hang') return;
    const [type, body, status = 200] = content;
    response.writeHead(status, { 'content-type': type }).end(body);
  });

const check = async (pages: Readonly<Record<string, Content>>, log?: string[]) => {
  const port = await site(pages, log);
  return tryGate(pageGate({ ...base, type: 'page', url: `http://127.0.0.1:${port}/` }, context()), 800);
};

const html = (head: string): Content => [
  'text/html; charset=utf-8',
  `<!doctype html><head>${head}</head><body></body>`,
];
const script: Content = ['text/javascript', 'run()'];

describe('a page passes', () => {
  test('with all that it names', async () => {
    const log: string[] = [];
    const result = await check(
      {
        '/': html(
          '<script type=module src=/assets/app.js></script><link rel="stylesheet" href="assets/app.css"><img src="/logo.svg">' +
            '<script src="https://cdn.example.org/x.js"></script>',
        ),
        '/assets/app.js': script,
        '/assets/app.css': ['text/css', 'a{}'],
        '/logo.svg': ['image/svg+xml', '<svg/>'],
      },
      log,
    );
    expect(result.ok).toBe(true);
    expect(result.detail).toMatch(/^200 in \d+ ms, 3 assets load, 1 on other origins not checked$/);
    expect(log.sort()).toEqual(['/', '/assets/app.css', '/assets/app.js', '/logo.svg']);
  });

  test('without any', async () => {
    const result = await check({ '/': html('') });
    expect(result.detail).toMatch(/, 0 assets load$/);
  });

  test('with a script larger than 1 MiB', async () => {
    const big: Content = ['text/javascript', 'x'.repeat(3 * 1024 * 1024)];
    expect(await check({ '/': html('<script src="/a.js"></script>'), '/a.js': big })).toMatchObject({ ok: true });
  });

  test('with more assets than are looked at, and says so', async () => {
    const log: string[] = [];
    const many = Array.from({ length: 60 }, (_, index) => `<img src="/${index}.png">`).join('');
    const pages = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`/${index}.png`, ['image/png', 'x'] as const]),
    );
    const result = await check({ ...pages, '/': html(many) }, log);
    expect(result.detail).toMatch(/, 50 of 60 assets load$/);
    expect(log).toHaveLength(51);
  });
});

describe('a page does not pass', () => {
  test.each<[string, Readonly<Record<string, Content>>, RegExp]>([
    ['with another status', { '/': ['text/html', 'gone', 404] }, /^status 404, not 2xx; answer: 404 in/],
    [
      'that is no HTML',
      { '/': ['application/json', '{}'] },
      /^the content type is "application\/json", not text\/html/,
    ],
    ['that is empty', { '/': ['text/html', ' \n'] }, /^the page is empty/],
    [
      'with a script that is missing',
      { '/': html('<script src="/a.js"></script>'), '/a.js': ['text/plain', 'no', 404] },
      /^\/a\.js: status 404, not 2xx$/,
    ],
    [
      'with the index page in place of a script',
      { '/': html('<script src="/old.3fa.js"></script>') },
      /^\/old\.3fa\.js: an HTML page came instead of it$/,
    ],
    [
      'with an empty style sheet',
      { '/': html('<link rel=stylesheet href=/a.css>'), '/a.css': ['text/css', ''] },
      /^\/a\.css: it is empty$/,
    ],
    [
      'with an asset that hangs',
      { '/': html('<img src=/a.png>'), '/a.png': 'hang' },
      /^deadline: \/a\.png: no answer within 800 ms$/,
    ],
  ])('%s', async (_name, pages, detail) => {
    const result = await check(pages);
    expect(result.ok).toBe(false);
    expect(result.detail).toMatch(detail);
  });

  test('and stops loading at the first failure', async () => {
    const log: string[] = [];
    const many = Array.from({ length: 40 }, (_, index) => `<img src="/${index}.png">`).join('');
    expect(await check({ '/': html(many) }, log)).toMatchObject({ ok: false });
    expect(log.length).toBeLessThan(20);
  });
});

test('credentials of the URL go to its assets too', async () => {
  const seen = new Set<string | undefined>();
  const port = await servers.http((request, response) => {
    seen.add(request.headers.authorization);
    response.writeHead(200, { 'content-type': request.url === '/' ? 'text/html' : 'text/javascript' });
    response.end('<script src="/a.js"></script>');
  });
  await tryGate(pageGate({ ...base, type: 'page', url: `http://u:p@127.0.0.1:${port}/` }, context()));
  expect([...seen]).toEqual([`Basic ${Buffer.from('u:p').toString('base64')}`]);
});

describe('pageAssets', () => {
  const page = new URL('https://app.example.org/admin/index.html');
  const own = (source: string) => pageAssets(source, page).own.map(({ href }) => href.replace(page.origin, ''));

  test.each<[string, string, string[]]>([
    [
      'quotes of either kind or none',
      `<script src="/a"></script><script src='/b'></script><script src=/c></script>`,
      ['/a', '/b', '/c'],
    ],
    ['any case and spacing', '<SCRIPT\n defer SRC = "/a"></SCRIPT><LINK REL=StyleSheet HREF=/b>', ['/a', '/b']],
    [
      'relative addresses',
      '<img src="a.png"><img src="../b.png"><img src="./c.png?v=1">',
      ['/admin/a.png', '/b.png', '/admin/c.png?v=1'],
    ],
    ['a base', '<base href="/static/"><script src="a.js"></script>', ['/static/a.js']],
    [
      'the same origin written out, or without a scheme',
      '<img src="https://app.example.org/a"><img src="//app.example.org/b">',
      ['/a', '/b'],
    ],
    [
      'links of all four kinds',
      '<link rel=icon href=/1><link rel="shortcut icon" href=/2><link rel=modulepreload href=/3><link rel=preload href=/4>',
      ['/1', '/2', '/3', '/4'],
    ],
    [
      'no other links',
      '<link rel=canonical href=/1><link rel="apple-touch-icon" href=/2><link href=/3><a href=/4>',
      [],
    ],
    ['one twice only once, whatever its fragment', '<img src=/a#x><img src=/a#y><img src=/a>', ['/a']],
    ['entities', '<img src="/a?x=1&amp;y=2&#38;z=3&#x26;w=4">', ['/a?x=1&y=2&z=3&w=4']],
    ['an > in an attribute', '<img alt="a > b" src="/a">', ['/a']],
    ['the first of two equal attributes', '<img src=/a src=/b>', ['/a']],
    [
      'nothing in comments',
      '<!-- <img src=/a> --><!--[if IE]><script src=/b></script><![endif]--><img src=/c>',
      ['/c'],
    ],
    [
      'nothing in scripts and styles',
      `<script>document.write('<img src="/a">')</script><style>/*<img src=/b>*/</style>`,
      [],
    ],
    ['nothing in a template', '<template><img src=/a></template>', []],
    [
      'no data or empty addresses',
      '<img src="data:image/png;base64,AA"><img src=""><img><script></script><img src="http://[">',
      [],
    ],
    ['an unclosed comment or script to the end', '<img src=/a><script src=/b>x<img src=/c>', ['/a', '/b']],
  ])('finds %s', (_name, source, expected) => {
    expect(own(source)).toEqual(expected);
  });

  test('counts other origins without naming them', () => {
    const assets = pageAssets(
      '<script src="//cdn.example.org/a"></script><img src="http://app.example.org/b"><img src=c>',
      page,
    );
    expect(assets.elsewhere).toBe(2);
    expect(assets.own).toHaveLength(1);
  });

  test('a megabyte of unfinished tags is scanned in no time', () => {
    const started = performance.now();
    for (const piece of ['<img ', '<script ', '<!--', '<img a="', "<template '"])
      pageAssets(piece.repeat((1024 * 1024) / piece.length), page);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
