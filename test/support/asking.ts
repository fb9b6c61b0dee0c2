import { type Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  /** Of the api that answered; null for an answer of anybody else's. */
  readonly version: string | null;
  readonly body: string;
}

/** One request over a new connection. Null: no answer (refused, reset, 5 s of silence). */
export const ask = (
  port: number,
  path: string,
  { host = '127.0.0.1', agent = false }: { readonly host?: string; readonly agent?: Agent | false } = {},
): Promise<Answer | null> =>
  new Promise((resolve) => {
    const asked = request({ host, port, path, agent, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('error', () => resolve(null));
      response.on('end', () => {
        const version = response.headers['x-kaleem-version'];
        resolve({ status: response.statusCode ?? 0, version: version === undefined ? null : String(version), body });
      });
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(null));
    asked.end();
  });

/** Which version a visitor meets; a text about the answer where none is met. */
export const servedVersion = async (port: number): Promise<string> => {
  const answer = await ask(port, '/api/version');
  return answer === null ? 'no answer' : (answer.version ?? `HTTP ${answer.status}`);
};
