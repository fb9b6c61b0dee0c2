// Two clients that order through nginx all the while: one on kept-alive connections, one on a new connection for every order.
import { type OrderClientReport, startOrderClient, verifyOrders } from '../../test/support/order-client.ts';

const ratePerSecond = 20;
const numbersPerClient = 1_000_000;

export interface OrdersSeen {
  readonly acknowledged: number;
  /** Acknowledged, and not in the database afterwards. */
  readonly lost: number;
  readonly duplicated: number;
  /** Answered with an error, mostly the fence's 503. */
  readonly refused: number;
  /** No answer: connections that were reset or refused. */
  readonly unanswered: number;
  /** Versions that answered, with how often. */
  readonly servedBy: Readonly<Record<string, number>>;
  /** The longest time without an acknowledgement, in milliseconds. */
  readonly longestGapMs: number;
}

export interface Clients {
  /** How many orders were acknowledged so far. */
  count(): number;
  /** Ends them and asks the database about every acknowledged order. */
  stop(): Promise<OrdersSeen>;
}

let started = 0;

export const startClients = (url: string): Clients => {
  const clients = [true, false].map((keepAlive) => {
    started += 1;
    const firstNumber = started * numbersPerClient;
    return startOrderClient({ url: `${url}/api/orders`, ratePerSecond, keepAlive, firstNumber });
  });
  return {
    count: () => clients.reduce((sum, client) => sum + client.peek().acknowledged.length, 0),
    async stop() {
      const reports = await Promise.all(clients.map((client) => client.stop()));
      const verdicts = await Promise.all(
        reports.map(({ acknowledged }) => verifyOrders({ baseUrl: url, acknowledged })),
      );
      const sum = (of: (report: OrderClientReport) => number) => reports.reduce((total, each) => total + of(each), 0);
      const servedBy: Record<string, number> = {};
      for (const [version, times] of reports.flatMap((report) => [...report.servedBy])) {
        if (version.startsWith('v')) servedBy[version] = (servedBy[version] ?? 0) + times;
      }
      return {
        acknowledged: sum((report) => report.acknowledged.length),
        lost: verdicts.reduce((total, { missing }) => total + missing.length, 0),
        duplicated: verdicts.reduce((total, { duplicated }) => total + duplicated.length, 0),
        refused: sum((report) => report.refused),
        unanswered: sum((report) => report.errors),
        servedBy,
        longestGapMs: Math.max(...reports.map((report) => report.longestGapMs)),
      };
    },
  };
};
