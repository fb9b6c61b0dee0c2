/** Replaces secret values wherever text leaves the process: logs, journal, errors, JSON. */
export interface Redactor {
  add(secret: string): void;
  redact(text: string): string;
}

const MASK = '[redacted]';
/** Shorter values would mask ordinary words; a secret this short protects nothing anyway. */
const SHORTEST = 4;
/** Lines of a secret (a private key's) are masked alone as well, for text is often passed on line by line. */
const SHORTEST_LINE = 12;
/** Fewer characters of base64 would match by chance. */
const SHORTEST_BASE64 = 8;

/**
 * What base64 makes of a secret inside a longer text (`user:password` in a header): it depends on where the secret
 * starts, modulo 3, and its first and last characters depend on the neighbours, so they are left out.
 */
const base64Inside = (secret: string): readonly string[] => {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap((offset) => {
    const first = offset === 0 ? 0 : offset + 1;
    const last = Math.floor(((offset + bytes.length) * 8) / 6);
    const inside = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(first, last);
    return inside.length < SHORTEST_BASE64 ? [] : [inside, inside.replaceAll('+', '-').replaceAll('/', '_')];
  });
};

const percent = (secret: string): readonly string[] => {
  // encodeURIComponent leaves these; other encoders don't. A lone surrogate can't be encoded, nor be in a URI.
  if (Buffer.from(secret).toString() !== secret) return [];
  const loose = encodeURIComponent(secret);
  const strict = loose.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const lower = (text: string) => text.replace(/%[0-9A-F]{2}/g, (c) => c.toLowerCase());
  return [loose, strict, lower(loose), lower(strict), loose.replaceAll('%20', '+')];
};

const variantsOf = (secret: string): readonly string[] => [
  secret,
  ...secret.split(/\r?\n/).filter((line) => line.length >= SHORTEST_LINE),
  ...percent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64url'),
  ...base64Inside(secret),
];

export const createRedactor = (): Redactor => {
  const secrets = new Set<string>();

  /** Every place of every secret, overlapping ones too: [start, end). */
  const placesIn = (text: string): (readonly [number, number])[] => {
    const places: (readonly [number, number])[] = [];
    for (const secret of secrets) {
      for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + 1)) {
        places.push([at, at + secret.length]);
      }
    }
    return places.sort(([a], [b]) => a - b);
  };

  return {
    add(secret) {
      if (secret.length < SHORTEST) return;
      for (const variant of variantsOf(secret)) secrets.add(variant);
    },
    redact(text) {
      // Places that overlap are masked as one: a secret that contains or follows another leaves no tail behind.
      let result = '';
      let done = 0;
      for (const [start, end] of placesIn(text)) {
        if (start >= done) result += `${text.slice(done, start)}${MASK}`;
        done = Math.max(done, end);
      }
      return result + text.slice(done);
    },
  };
};
