import { createHmac, timingSafeEqual } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { backslashes, entities, escaped } from '../../../src/notify/escape.ts';
import { postOf } from '../../../src/notify/forms.ts';
import { type News, presentable } from '../../../src/notify/news.ts';
import { wordsOf } from '../../../src/notify/words.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { newsOf } from './news.ts';

const NOW = new Date('2026-03-01T12:00:00.900Z');
const HOSTILE = '@everyone <!channel> <@U1> [click](https://evil.example) **x** <b onload=1>&amp; <at>all</at> `';
const hostile = newsOf({
  ...{ subject: HOSTILE, previous: HOSTILE, project: HOSTILE },
  error: { code: 'rolled-back', message: HOSTILE, hint: HOSTILE },
});

type Target = Parameters<typeof postOf>[0];
const targets = {
  slack: { type: 'slack', url: 'https://hooks.slack.com/services/T/B/x' },
  teams: { type: 'teams', url: 'https://x.example/workflows' },
  discord: { type: 'discord', url: 'https://discord.com/api/webhooks/1/x' },
  telegram: { type: 'telegram', api: 'https://api.telegram.org', token: '1:abc', chat: '-100' },
  webhook: { type: 'webhook', url: 'https://x.example/hook', secret: 'open sesame' },
  healthchecks: { type: 'healthchecks', url: 'https://hc-ping.com/uuid', jobs: ['backup'] },
} as const satisfies Record<string, Target>;

const body = <T>(target: Target, news: News): T => JSON.parse(postOf(target, news, NOW).body) as T;

describe('words', () => {
  it('say what happened, to what, from what, by whom, for how long, and why', () => {
    expect(wordsOf(newsOf())).toEqual({
      title: 'kaleem (staging): deploy of v0.0.2 failed and was rolled back',
      tone: 'bad',
      lines: [
        ...['release: from v0.0.1 to v0.0.2', 'error: v0.0.2 failed and v0.0.1 is live again', 'next: look at it'],
        ...['project: kaleem', 'by: root@vps1', 'took: 42 s', 'operation: 000012-a1b2', 'exit code: 20'],
      ],
    });
  });

  const ok = { state: 'succeeded', error: null, exitCode: 0 } as const;
  it.each<[Partial<News>, string]>([
    [{ event: 'started', state: 'started' }, 'deploy of v0.0.2 started'],
    [{ event: 'done', ...ok }, 'deploy of v0.0.2 is done'],
    [{ event: 'failed', exitCode: 12 }, 'deploy of v0.0.2 was refused before anything was touched'],
    [{ event: 'failed', exitCode: 1 }, 'deploy of v0.0.2 failed'],
    [{ event: 'interrupted' }, 'deploy of v0.0.2 was interrupted'],
    [
      { event: 'halted', error: { code: 'halted', message: 'x', hint: null } },
      'deploy of v0.0.2 halted: a person has to decide',
    ],
    [
      { event: 'halted', error: { code: 'halted-earlier', message: 'x', hint: null } },
      'deploy of v0.0.2 cannot go on: an earlier operation halted',
    ],
    [{ event: 'recovered', kind: 'backup', subject: '' }, 'backup had died and was recovered'],
    [{ event: 'backup-failed', kind: 'backup', subject: '' }, 'backup failed'],
    [{ event: 'backup-invalid', kind: 'verify', subject: 'all' }, 'verification of backups: all found a bad one'],
    [{ event: 'backup-invalid', kind: 'backup', subject: '' }, 'backup failed: it did not verify'],
    [{ event: 'copy-failed', kind: 'backup', subject: '' }, 'backup is not copied everywhere'],
    [{ event: 'drill-failed', kind: 'drill', subject: '7' }, 'drill of backup 7 failed'],
    [{ event: null, job: 'backup', kind: 'backup', subject: '', ...ok }, 'backup is done'],
    [{ event: null, job: 'backup', kind: 'backup', subject: '', state: 'started' }, 'backup started'],
    [{ event: 'test', kind: 'test', subject: '', ...ok }, 'a test message'],
  ])('%o', (overrides, title) => {
    expect(wordsOf(newsOf(overrides)).title).toBe(`kaleem (staging): ${title}`);
  });
});

describe('what leaves the process', () => {
  const redactor = createRedactor();
  redactor.add('hunter22');

  it('has no secret, no control character and no line break', () => {
    const error = { code: 'rolled-back', message: 'a\nb\u001b[31m hunter22 \u202e', hint: 'hunter22' } as const;
    const found = presentable(newsOf({ subject: 'v-hunter22', who: 'hunter22', summary: 'hunter22', error }), redactor);
    expect(JSON.stringify(found)).not.toMatch(/hunter22|\\u001b|\\n|\u202e/);
    expect(found.error).toMatchObject({ message: 'a b [31m [redacted]', code: 'rolled-back' });
  });

  it('keeps our own words, whatever a password is', () => {
    const odd = createRedactor();
    for (const word of ['rolled-back', 'failed', 'deploy']) odd.add(word);
    expect(presentable(newsOf(), odd)).toMatchObject({ event: 'rolled-back', state: 'failed', kind: 'deploy' });
  });

  it.each(Object.entries(targets))('is short enough for %s, however long an error is', (type, target) => {
    const long = '<&[*'.repeat(100_000);
    const error = { code: 'rolled-back', message: long, hint: long } as const;
    const post = postOf(
      target,
      presentable(newsOf({ subject: long, previous: long, project: long, error }), redactor),
      NOW,
    );
    expect(post.body.length).toBeLessThan(20_000);
    const limits: Readonly<Record<string, () => void>> = {
      slack: () => {
        const { blocks } = JSON.parse(post.body) as {
          readonly blocks: readonly { readonly text: { readonly text: string } }[];
        };
        expect(blocks[0]?.text.text.length).toBeLessThanOrEqual(150);
        expect(blocks[1]?.text.text.length).toBeLessThanOrEqual(3_000);
      },
      discord: () => {
        const { embeds } = JSON.parse(post.body) as {
          readonly embeds: readonly { readonly title: string; readonly description: string }[];
        };
        expect(embeds[0]?.title.length).toBeLessThanOrEqual(256);
        expect(embeds[0]?.description.length).toBeLessThanOrEqual(4_096);
      },
      telegram: () => {
        expect((JSON.parse(post.body) as { readonly text: string }).text.length).toBeLessThanOrEqual(4_096);
      },
    };
    limits[type]?.();
  });
});

describe('escaping', () => {
  it('never cuts within an escape, nor within a character', () => {
    expect(escaped('a<b', entities, 100)).toBe('a&lt;b');
    expect(escaped('<<<', entities, 10)).toBe('&lt;&lt;…');
    expect(escaped('**', backslashes, 4)).toBe('\\*…');
    expect(escaped('👍👍', backslashes, 4)).toBe('👍…');
  });
});

describe('what a tag or an error message says', () => {
  it('is no markup and calls nobody in Slack', () => {
    const { text, blocks } = body<{
      readonly text: string;
      readonly blocks: readonly { readonly text: { readonly type: string; readonly text: string } }[];
    }>(targets.slack, hostile);
    for (const each of [text, ...blocks.map((block) => block.text.text)]) {
      expect(each).not.toMatch(/[<>]/);
      expect(each).toContain('&lt;!channel&gt;');
    }
    expect(blocks.map((block) => block.text.type)).toEqual(['plain_text', 'plain_text']);
  });

  it('is no markup and calls nobody in Discord', () => {
    const sent = body<{ readonly embeds: readonly { readonly title: string; readonly description: string }[] }>(
      targets.discord,
      hostile,
    );
    expect(sent).toMatchObject({ allowed_mentions: { parse: [] } });
    expect(sent).not.toHaveProperty('content');
    const [embed] = sent.embeds;
    for (const text of [embed?.title ?? '', embed?.description ?? '']) {
      // Every punctuation mark has its own backslash.
      expect(text.replace(/\\[!-/:-@[-`{-~]/g, '')).not.toMatch(/[!-/:-@[-`{-~]/);
      expect(text).toContain('\\[click\\]\\(https\\:\\/\\/');
    }
  });

  it('is no markup in Teams: its text runs know none', () => {
    const text = JSON.stringify(body(targets.teams, hostile));
    expect(text.replaceAll('RichTextBlock', '')).not.toContain('TextBlock');
    const { attachments } = body<{
      readonly attachments: readonly { readonly contentType: string; readonly content: object }[];
    }>(targets.teams, hostile);
    expect(attachments[0]).toMatchObject({
      contentType: 'application/vnd.microsoft.card.adaptive',
      content: { type: 'AdaptiveCard' },
    });
    expect(attachments[0]?.content).not.toHaveProperty('msteams');
  });

  it('is code in Telegram, where nothing is looked for', () => {
    const { text, parse_mode } = body<{ readonly text: string; readonly parse_mode: string }>(
      targets.telegram,
      hostile,
    );
    expect(parse_mode).toBe('HTML');
    expect(text).toMatch(/^<pre>[^<>]*<\/pre>$/);
    expect(text).toContain('&lt;b onload=1&gt;&amp;amp;');
  });
});

describe('a webhook', () => {
  it('is signed over its time and its body, so that a receiver can verify both', () => {
    const { headers, body: sent } = postOf(targets.webhook, newsOf(), NOW);
    const timestamp = headers['kaleem-timestamp'] ?? '';
    expect(timestamp).toBe('1772366400');
    const expected = createHmac('sha256', 'open sesame').update(`${timestamp}.${sent}`).digest();
    const [, hex = ''] = (headers['kaleem-signature'] ?? '').split('sha256=');
    expect(timingSafeEqual(Buffer.from(hex, 'hex'), expected)).toBe(true);
    expect(JSON.parse(sent)).toMatchObject({ version: 1, event: 'rolled-back', subject: 'v0.0.2', previous: 'v0.0.1' });
  });

  it('has the same id each time it is sent, and another signature later', () => {
    const [now, later] = [NOW, new Date(NOW.getTime() + 5_000)].map((at) => postOf(targets.webhook, newsOf(), at));
    expect(now?.body).toBe(later?.body);
    expect(now?.headers['kaleem-signature']).not.toBe(later?.headers['kaleem-signature']);
  });
});

describe('a ping', () => {
  it.each<[Partial<News>, string]>([
    [{ state: 'started' }, '/uuid/start'],
    [{ state: 'succeeded' }, '/uuid'],
    [{ state: 'failed' }, '/uuid/fail'],
    [{ state: 'succeeded', event: 'test' }, '/uuid/log'],
  ])('of %o goes to %s', (overrides, path) => {
    const { url } = postOf(targets.healthchecks, newsOf(overrides), NOW);
    expect(url).toBe(`https://hc-ping.com${path}?rid=7d1f2c9e-2f64-4d0b-8c55-1a2b3c4d5e6f`);
  });

  it('keeps what its URL says', () => {
    const target = { ...targets.healthchecks, url: 'https://hc.example.com/ping/key/nightly/?create=1' };
    const { url } = postOf(target, newsOf({ state: 'failed' }), NOW);
    expect(url).toBe('https://hc.example.com/ping/key/nightly/fail?create=1&rid=7d1f2c9e-2f64-4d0b-8c55-1a2b3c4d5e6f');
  });
});
