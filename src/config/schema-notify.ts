import { z } from 'zod';
import { JOBS, type NotifierTarget, type NotifyEvent } from './notifier.ts';
import { chosen } from './schema-tagged.ts';
import {
  entryName,
  matching,
  oneOf,
  oneOrMore,
  reference,
  rule,
  secretReference,
  strict,
  wholeNumber,
} from './schema-values.ts';
import { isYamlMap } from './source.ts';
import { splitHost } from './uri-kinds.ts';

/** Each with whether a person has to know, and so is told unless the file says otherwise. */
const EVENTS = {
  started: false,
  done: false,
  failed: true,
  'rolled-back': true,
  interrupted: false,
  halted: true,
  recovered: true,
  'backup-failed': true,
  'backup-invalid': true,
  'copy-failed': true,
  'drill-failed': true,
  unhealthy: true,
  'backup-overdue': true,
  'disk-nearly-full': true,
  'well-again': true,
} as const satisfies Record<NotifyEvent, boolean>;

const eventNames = Object.keys(EVENTS) as readonly NotifyEvent[];
export const DEFAULT_EVENTS: readonly NotifyEvent[] = eventNames.filter((event) => EVENTS[event]);

const address = matching(
  'an e-mail address, such as ops@example.com',
  /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}$/,
);

const host = rule('the name or address of a host', (input) => {
  const parsed = typeof input === 'string' ? splitHost(input) : null;
  return parsed?.port === null ? parsed.host : undefined;
});

const chat = rule('the number of a chat, or the @name of a channel', (input) =>
  /^(?:-?\d{1,20}|@\w{5,32})$/.test(String(input)) ? String(input) : undefined,
);

/** What every type has. `type` was looked at when the schema was chosen. */
const base = { name: entryName, type: z.string() };
const told = { ...base, events: oneOrMore(oneOf(eventNames), 'events').optional() };
const posted = { ...told, url: secretReference };

const schemas = {
  webhook: strict({ ...posted, secret: secretReference }),
  slack: strict(posted),
  teams: strict(posted),
  discord: strict(posted),
  telegram: strict({ ...told, token: secretReference, chat, api: reference('the URL of a Bot API server').optional() }),
  email: strict({
    ...told,
    host,
    port: wholeNumber(1, 65_535).optional(),
    tls: oneOf(['starttls', 'tls', 'none']).optional(),
    username: reference('a user name').optional(),
    password: secretReference.optional(),
    from: address,
    to: oneOrMore(address, 'e-mail addresses'),
  }),
  healthchecks: strict({ ...base, url: secretReference, for: oneOrMore(oneOf(JOBS), 'jobs') }),
} satisfies Record<NotifierTarget['type'], z.ZodType>;

type Type = keyof typeof schemas;
type Inputs = { readonly [T in Type]: Omit<z.output<(typeof schemas)[T]>, 'type'> & { readonly type: T } };
export type NotifierInput = Inputs[Type];
export type EmailInput = Inputs['email'];

const types = Object.keys(schemas) as readonly Type[];
const unknownType = z.looseObject({ type: oneOf(types) }, { error: 'a map of keys' });

/** A notifier; its `type` says which keys it may have. */
export const notifier = chosen<z.ZodType<NotifierInput>>((input) => {
  const type = isYamlMap(input) ? types.find((each) => each === input.type) : undefined;
  return (type === undefined ? unknownType : schemas[type]) as unknown as z.ZodType<NotifierInput>;
});
