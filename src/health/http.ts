import type { GateSpec, HttpExpectation } from '../config/config.ts';
import { snippet } from './detail.ts';
import { answerCheck } from './expectation.ts';
import { defineGate, type Gate, type GateContext, GateFailure } from './gate.ts';
import { exchange, type HttpAnswer, hostOf, portOf, statusLine } from './http-exchange.ts';
import { reachPlanned } from './planned.ts';
import { secretHeaders, uriSecrets } from './secrets.ts';

/** GET: the answer must be whole and as expected (see `answerCheck`), from a container with the planned image. */
export const httpGate = (spec: Extract<GateSpec, { type: 'http' }>, context: GateContext): Gate =>
  requestGate({ ...spec, method: 'GET' }, context);

interface RequestSpec extends Pick<Gate, 'name' | 'attempts' | 'intervalMs' | 'timeoutMs'> {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly payload?: string;
  readonly expect: HttpExpectation;
}

/** What the http and webhook gates share. */
export const requestGate = (spec: RequestSpec, context: GateContext): Gate => {
  const url = new URL(spec.url);
  const problemOf = answerCheck(spec.expect);
  return defineGate({
    // A stated time is a promise about the answer; the general deadline must not undercut it.
    spec: { ...spec, timeoutMs: Math.max(spec.timeoutMs, spec.expect.withinMs ?? 0) },
    secrets: [...uriSecrets(spec.url), ...secretHeaders(spec.requestHeaders)],
    async attempt({ signal, redact }) {
      const at = await reachPlanned(context, { host: hostOf(url), port: portOf(url) }, signal);
      const answer = await exchange({
        method: spec.method,
        url,
        at,
        headers: spec.requestHeaders,
        ...(spec.payload === undefined ? {} : { body: spec.payload }),
        signal,
      });
      const problem = problemOf(answer);
      const said = describeAnswer(answer, redact);
      if (problem !== null) throw new GateFailure(`${problem}; answer: ${said}`);
      return said;
    },
  });
};

/** `200 in 12 ms: {"status":"ok"}`. */
const describeAnswer = (answer: HttpAnswer, redact: (text: string) => string): string => {
  // Masked before it is cut, or the first half of a secret would show.
  const start = snippet(redact(answer.body.toString('utf8')));
  return start === '' ? statusLine(answer) : `${statusLine(answer)}: ${start}`;
};
