import type { GateSpec } from '../config/config.ts';
import type { CommandResult } from '../system/command.ts';
import { abortable } from './abortable.ts';
import { duration, oneLine } from './detail.ts';
import { defineGate, type Gate, type GateContext, GateFailure } from './gate.ts';
import { assertPlanned } from './planned.ts';

const LINES = 3;

/** The command ends with exit code 0, on the host or inside the service's container (with the planned image). */
export const commandGate = (spec: Extract<GateSpec, { type: 'command' }>, context: GateContext): Gate =>
  defineGate({
    spec,
    async attempt({ signal, redact }) {
      const result = await run(spec, context, signal);
      const said = lastLines(redact(`${result.stdout}\n${result.stderr}`));
      if (result.timedOut)
        throw new GateFailure(`${spec.argv[0]} did not end within ${duration(spec.timeoutMs)}${said}`);
      if (result.exitCode !== 0) throw new GateFailure(`${exit(result.exitCode)}${said}`);
      return `exit code 0${said}`;
    },
  });

const run = async (
  { argv, service, timeoutMs }: Extract<GateSpec, { type: 'command' }>,
  context: GateContext,
  signal: AbortSignal,
): Promise<CommandResult> => {
  if (service === null) return context.commands.run(argv, { timeoutMs, signal });
  const planned = context.plannedImageId(service);
  if (planned !== null) {
    const containers = await abortable(context.container(service), signal);
    assertPlanned(
      service,
      containers.filter(({ state, oneOff }) => state === 'running' && !oneOff),
      planned,
    );
  }
  return abortable(context.exec(service, argv, timeoutMs, signal), signal);
};

const exit = (code: number | null): string => (code === null ? 'ended by a signal' : `exit code ${code}`);

const lastLines = (output: string): string => {
  const lines = output
    .split('\n')
    .map((line) => oneLine(line, 200))
    .filter((line) => line !== '');
  return lines.length === 0 ? '' : `: ${lines.slice(-LINES).join(' | ')}`;
};
