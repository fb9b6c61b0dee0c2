import { createHmac } from 'node:crypto';
import type { NotifierTarget } from '../config/notifier.ts';
import { asItIs, backslashes, entities, escaped } from './escape.ts';
import type { News } from './news.ts';
import { type Words, wordsOf } from './words.ts';

/** A request that tells something to a service. */
export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/**
 * Lower case hex of HMAC-SHA256 over the timestamp (seconds since 1970, as it stands in its header), a dot, and the body as it
 * is sent.
 */
export const signature = (secret: string, timestamp: string, body: string): string =>
  createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');

const signed = (secret: string, body: string, now: Date): Readonly<Record<string, string>> => {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  return { 'kaleem-timestamp': timestamp, 'kaleem-signature': `sha256=${signature(secret, timestamp, body)}` };
};

/** Text objects of type plain_text know no markup: https://docs.slack.dev/reference/block-kit/composition-objects/text-object */
const slackText = (text: string, longest: number) => ({
  type: 'plain_text',
  text: escaped(text, entities, longest),
  emoji: false,
});

/** Incoming webhooks; `text` is what a notification on a phone shows. */
const slackBody = ({ title, lines }: Words) => ({
  text: escaped(title, entities, 150),
  blocks: [
    { type: 'header', text: slackText(title, 150) },
    { type: 'section', text: slackText(lines.join('\n'), 3_000) },
  ],
});

const TEAMS_COLORS = { good: 'good', bad: 'attention', neutral: 'default' } as const;

/**
 * The "When a Teams webhook request is received" trigger of Workflows takes a message with an Adaptive Card. A TextRun knows
 * no Markdown, unlike a TextBlock: https://learn.microsoft.com/en-us/adaptive-cards/authoring-cards/text-features
 */
const teamsBody = ({ title, lines, tone }: Words) => {
  const block = (text: string, style: object) => ({
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text, ...style }],
  });
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    ...{ type: 'AdaptiveCard', version: '1.4' },
    body: [
      block(title, { weight: 'bolder', size: 'medium', color: TEAMS_COLORS[tone] }),
      ...lines.map((line) => block(line, {})),
    ],
  };
  return {
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }],
  };
};

const DISCORD_COLORS = { good: 0x2e_a0_43, bad: 0xd1_24_2f, neutral: 0x6e_77_81 } as const;

/** https://docs.discord.com/developers/resources/webhook#execute-webhook: an embed has at most 256 and 4096 characters. */
const discordBody = ({ title, lines, tone }: Words) => ({
  embeds: [
    {
      title: escaped(title, backslashes, 256),
      description: escaped(lines.join('\n'), backslashes, 4_096),
      color: DISCORD_COLORS[tone],
    },
  ],
  // Nobody is to be called, whatever the text says.
  allowed_mentions: { parse: [] },
});

/**
 * https://core.telegram.org/bots/api#sendmessage: at most 4096 characters. In a `pre` neither names after an @ nor addresses are
 * looked for.
 */
const telegramBody = ({ title, lines }: Words, chat: string) => ({
  chat_id: chat,
  text: `<pre>${escaped([title, ...lines].join('\n'), entities, 4_000)}</pre>`,
  parse_mode: 'HTML',
  link_preview_options: { is_disabled: true },
});

/** As https://healthchecks.io/docs/http_api/ has it; `log` changes nothing about a check. */
const pingUrl = (url: string, { event, state, run }: News): string => {
  const ping = new URL(url);
  const ending = event === 'test' ? '/log' : { started: '/start', succeeded: '', failed: '/fail' }[state];
  ping.pathname = `${ping.pathname.replace(/\/+$/, '')}${ending}`;
  ping.searchParams.set('rid', run);
  return ping.href;
};

/** The request for these news, which are presentable. Pure. */
export const postOf = (target: Exclude<NotifierTarget, { type: 'email' }>, news: News, now: Date): Post => {
  const words = wordsOf(news);
  const json = (url: string, body: unknown): Post => ({ url, headers: JSON_TYPE, body: JSON.stringify(body) });
  switch (target.type) {
    case 'webhook': {
      const body = JSON.stringify({ version: 1, ...news, text: words.title });
      return { url: target.url, body, headers: { ...JSON_TYPE, ...signed(target.secret, body, now) } };
    }
    case 'slack':
      return json(target.url, slackBody(words));
    case 'teams':
      return json(target.url, teamsBody(words));
    case 'discord':
      return json(target.url, discordBody(words));
    case 'telegram':
      return json(`${target.api}/bot${target.token}/sendMessage`, telegramBody(words, target.chat));
    case 'healthchecks': {
      const body = escaped([words.title, ...words.lines].join('\n'), asItIs, 8_000);
      return { url: pingUrl(target.url, news), headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
    }
  }
};
