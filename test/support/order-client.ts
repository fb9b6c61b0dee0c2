// A client that keeps ordering while something else happens to the stack, and remembers what it was promised.
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

const mostInFlight = 64;
const mostOrders = 50_000;
const numbersPerQuestion = 5_000;

export interface OrderClientOptions {
  /** Where orders are posted, on loopback: `http://127.0.0.1:PORT/api/orders`. */
  readonly url: string;
  readonly ratePerSecond: number;
  /** One pool of connections that are used again and again, or a new connection for every order. */
  readonly keepAlive: boolean;
  /** Orders are numbered from here, one up each. */
  readonly firstNumber: number;
  /** How long one order may take before it counts as an error; 10 s unless told. */
  readonly timeoutMs?: number;
}

export interface OrderClientReport {
  /** Numbers that were answered with 2xx: these must never be lost. */
  readonly acknowledged: number[];
  /** When, by `performance.now()`: one for each of them. */
  readonly acknowledgedAt: number[];
  /** Orders that were answered with anything else. */
  readonly refused: number;
  /** Answers by the version that gave them (x-kaleem-version); `unknown` for answers without one, a proxy's for instance. */
  readonly servedBy: Map<string, number>;
  /** Orders without any answer: refused or broken connections, timeouts. */
  readonly errors: number;
  /** The longest time between two acknowledgements, in milliseconds; counted from the start and to the end. */
  readonly longestGapMs: number;
}

export interface OrderClient {
  /** What has been counted up to now. */
  peek(): OrderClientReport;
  /** Sends no more, waits for what is under way, reports. */
  stop(): Promise<OrderClientReport>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Call {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly agent: Agent;
  readonly timeoutMs: number;
  readonly body?: string;
}

export function startOrderClient(options: OrderClientOptions): OrderClient {
  refuseRemote(options.url);
  const agent = new Agent({ keepAlive: options.keepAlive, maxSockets: mostInFlight });
  const acknowledged: number[] = [];
  const acknowledgedAt: number[] = [];
  const servedBy = new Map<string, number>();
  const inFlight = new Set<Promise<void>>();
  let refused = 0;
  let errors = 0;
  let next = options.firstNumber;
  let lastAcknowledgement = performance.now();
  let longestGapMs = 0;
  let stopped = false;

  const gapSinceLast = () => performance.now() - lastAcknowledgement;

  async function order(number: number): Promise<void> {
    const body = JSON.stringify({ number, item: 'olive' });
    try {
      const { status, headers } = await call({
        url: options.url,
        method: 'POST',
        agent,
        timeoutMs: options.timeoutMs ?? 10_000,
        body,
      });
      const version = String(headers['x-kaleem-version'] ?? 'unknown');
      servedBy.set(version, (servedBy.get(version) ?? 0) + 1);
      if (status < 200 || status > 299) {
        refused += 1;
        return;
      }
      acknowledged.push(number);
      acknowledgedAt.push(performance.now());
      longestGapMs = Math.max(longestGapMs, gapSinceLast());
      lastAcknowledgement = performance.now();
    } catch {
      errors += 1;
    }
  }

  // Never more at once than the bound: a stack that hangs is not buried under waiting orders.
  function sendNext(): void {
    if (inFlight.size >= mostInFlight || next - options.firstNumber >= mostOrders) return;
    const sent = order(next).finally(() => inFlight.delete(sent));
    inFlight.add(sent);
    next += 1;
  }

  const ticker = setInterval(sendNext, 1000 / options.ratePerSecond);
  const peek = (): OrderClientReport => ({
    acknowledged: [...acknowledged],
    acknowledgedAt: [...acknowledgedAt],
    refused,
    servedBy: new Map(servedBy),
    errors,
    longestGapMs: Math.round(stopped ? longestGapMs : Math.max(longestGapMs, gapSinceLast())),
  });

  return {
    peek,
    async stop() {
      clearInterval(ticker);
      await Promise.all(inFlight);
      agent.destroy();
      if (!stopped) longestGapMs = Math.max(longestGapMs, gapSinceLast());
      stopped = true;
      return peek();
    },
  };
}

export interface OrdersVerdict {
  readonly missing: number[];
  readonly duplicated: number[];
}

/**
 * Asks the api which of the acknowledged orders the database holds; each must be there exactly once.
 *
 * @param baseUrl the api or the proxy before it, on loopback: `http://127.0.0.1:PORT`
 */
export async function verifyOrders({
  baseUrl,
  acknowledged,
}: {
  readonly baseUrl: string;
  readonly acknowledged: readonly number[];
}): Promise<OrdersVerdict> {
  refuseRemote(baseUrl);
  const numbers = [...new Set(acknowledged)].sort((left, right) => left - right);
  const agent = new Agent({ keepAlive: true });
  const found = new Map<number, number>();
  try {
    for (let start = 0; start < numbers.length; start += numbersPerQuestion) {
      const part = numbers.slice(start, start + numbersPerQuestion);
      for (const number of await storedNumbers({ baseUrl, agent, from: part[0] ?? 0, to: part.at(-1) ?? 0 })) {
        found.set(number, (found.get(number) ?? 0) + 1);
      }
    }
  } finally {
    agent.destroy();
  }
  return {
    missing: numbers.filter((number) => !found.has(number)),
    duplicated: numbers.filter((number) => (found.get(number) ?? 0) > 1),
  };
}

async function storedNumbers(range: {
  readonly baseUrl: string;
  readonly agent: Agent;
  readonly from: number;
  readonly to: number;
}): Promise<number[]> {
  const url = new URL(`/api/orders?from=${range.from}&to=${range.to}`, range.baseUrl).href;
  const { status, body } = await call({ url, method: 'GET', agent: range.agent, timeoutMs: 30_000 });
  if (status !== 200) throw new Error(`GET ${url} answered ${status}: ${body.slice(0, 200)}`);
  const { orders } = JSON.parse(body) as { orders: { number: number }[] };
  return orders.map(({ number }) => number);
}

function call({ url, method, agent, timeoutMs, body }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length };
    const outgoing = request(url, { method, agent, headers, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function refuseRemote(url: string): void {
  const { hostname } = new URL(url);
  if (hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)) return;
  throw new Error(`load goes to loopback only, not to ${hostname}`);
}
