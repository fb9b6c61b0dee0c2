import { z } from 'zod';
import { parseJsonPath } from './json-path.ts';
import { tagged } from './schema-tagged.ts';
import {
  argv,
  duration,
  flag,
  label,
  list,
  oneOrMore,
  reference,
  rule,
  secretReference,
  serviceName,
  strict,
  text,
  wholeNumber,
} from './schema-values.ts';
import { isYamlMap } from './source.ts';
import { splitHost } from './uri-kinds.ts';

const timing = {
  attempts: wholeNumber(1, 10_000).optional(),
  interval: duration('100ms', '1h').optional(),
  timeout: duration('10ms', '1h').optional(),
};
const common = { name: label.optional(), ...timing };

const header = rule('the name of a header', (input) =>
  typeof input === 'string' && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(input) ? input.toLowerCase() : undefined,
);
const requestHeaders = z.record(header, text, { error: 'a map of headers' }).optional();
type JsonLeaf = string | number | boolean | null;
const jsonPath = rule('a JSON path such as $.status', (input) => {
  try {
    parseJsonPath(String(input));
    return String(input);
  } catch {
    return undefined;
  }
});
const jsonValue = rule('text, a number, true, false or null', (input) =>
  input === null || ['string', 'number', 'boolean'].includes(typeof input) ? (input as JsonLeaf) : undefined,
);

const expectation = {
  status: oneOrMore(wholeNumber(100, 599), 'status codes').optional(),
  body: text.optional(),
  json: z.record(jsonPath, jsonValue, { error: 'a map of JSON paths to values, such as {$.status: ok}' }).optional(),
  headers: z.record(header, text, { error: 'a map of headers' }).optional(),
  within: duration('1ms', '1h').optional(),
};

/** A map or list is sent as JSON. */
const payload = rule('text, or a map or list that is sent as JSON', (input) => {
  if (typeof input === 'string') return input;
  return isYamlMap(input) || Array.isArray(input) ? JSON.stringify(input) : undefined;
});

const address = rule('host:port', (input) => {
  const parsed = typeof input === 'string' ? splitHost(input) : null;
  return parsed?.port ? { host: parsed.host.replace(/^\[|\]$/g, ''), port: parsed.port } : undefined;
});

const uri = reference('a URI');

/** The key that names the type has the target as its value. */
const gate = tagged({
  http: strict({ http: text, ...common, request_headers: requestHeaders, ...expectation }),
  webhook: strict({ webhook: text, payload, ...common, request_headers: requestHeaders, ...expectation }),
  page: strict({ page: text, ...common }),
  tcp: strict({ tcp: address, ...common }),
  mongo: strict({ mongo: uri, primary: flag.optional(), ...common }),
  redis: strict({ redis: uri, ...common }),
  rabbitmq: strict({ rabbitmq: uri, ...common }),
  qdrant: strict({ qdrant: text, api_key: secretReference.optional(), ...common }),
  container: strict({ container: serviceName, ...common }),
  command: strict({ command: argv, service: serviceName.optional(), ...common }),
});

export type GateInput = z.output<typeof gate>;

export const gates = strict({
  defaults: strict(timing).optional(),
  from_env: flag.optional(),
  before: list(gate, 'gates').optional(),
  after: list(gate, 'gates').optional(),
});
