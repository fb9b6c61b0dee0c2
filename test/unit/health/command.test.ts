import { describe, expect, test } from 'vitest';
import type { GateSpec } from '../../../src/config/config.ts';
import { commandGate } from '../../../src/health/command.ts';
import type { GateContext } from '../../../src/health/gate.ts';
import { base, containerState, context, NEW, OLD, tryGate } from './support.ts';

const gate = (
  argv: readonly string[],
  service: string | null = null,
  overrides: Partial<GateContext> = {},
  timeoutMs = 1000,
) => {
  const spec: GateSpec = { ...base, type: 'command', argv, service, timeoutMs };
  return commandGate(spec, context(overrides));
};

describe('on the host', () => {
  const node = (script: string, timeoutMs?: number) => gate([process.execPath, '-e', script], null, {}, timeoutMs);

  test('exit code 0 passes, with the last lines', async () => {
    const result = await tryGate(node("console.log('a\\nb\\n\\nc\\nd')"));
    expect(result).toEqual({ ok: true, detail: 'exit code 0: b | c | d' });
  });

  test('any other does not', async () => {
    const result = await tryGate(node("console.log('out'); console.error('no \\u001b[1mqueue'); process.exit(3)"));
    expect(result).toEqual({ ok: false, detail: 'exit code 3: out | no [1mqueue' });
  });

  test('silence is shown as such', async () => {
    expect(await tryGate(node(''))).toEqual({ ok: true, detail: 'exit code 0' });
  });

  test('nor does a death by signal, a program that is not there, or one that does not end', async () => {
    expect(await tryGate(node("process.kill(process.pid, 'SIGKILL')"))).toEqual({
      ok: false,
      detail: 'ended by a signal',
    });
    expect(await tryGate(gate(['kaleem-no-such-program']))).toEqual({
      ok: false,
      detail: 'exit code 127: kaleem-no-such-program: not found',
    });
    const hang = await tryGate(node('setInterval(() => {}, 1000)', 200));
    expect(hang.ok).toBe(false);
    expect(hang.detail).toMatch(/did not end within 200 ms$/);
  });

  test('credentials in what it prints are masked', async () => {
    const result = await tryGate(node("console.log('using amqp://user:hunter22@rabbitmq:5672')"));
    expect(result.detail).toBe('exit code 0: using amqp://***@rabbitmq:5672');
  });

  test('Ctrl-C ends it', async () => {
    const reason = new Error('interrupted');
    const controller = new AbortController();
    const checking = node('setInterval(() => {}, 1000)', 60_000).check(controller.signal);
    setTimeout(() => controller.abort(reason), 100);
    await expect(checking).rejects.toBe(reason);
  });
});

describe('in a container', () => {
  test('runs through the engine, in the planned image only', async () => {
    const runs: unknown[] = [];
    const overrides: Partial<GateContext> = {
      plannedImageId: () => NEW,
      container: async () => [containerState(), containerState({ state: 'exited', imageId: OLD })],
      exec: async (service, argv, timeoutMs) => {
        runs.push([service, argv, timeoutMs]);
        return { exitCode: 0, stdout: 'in\n', stderr: '', timedOut: false };
      },
    };
    expect(await tryGate(gate(['check'], 'api', overrides))).toEqual({ ok: true, detail: 'exit code 0: in' });
    expect(runs).toEqual([['api', ['check'], 1000]]);
    const old = { ...overrides, container: async () => [containerState({ imageId: OLD })] };
    expect(await tryGate(gate(['check'], 'api', old))).toMatchObject({ ok: false });
    expect(runs).toHaveLength(1);
    const unplanned = { ...old, plannedImageId: () => null };
    expect(await tryGate(gate(['check'], 'api', unplanned))).toMatchObject({ ok: true });
  });

  test('an engine that hangs does not hold the try up', async () => {
    const hanging = gate(['check'], 'api', { exec: () => new Promise(() => {}) });
    expect(await tryGate(hanging, 50)).toMatchObject({ ok: false, detail: 'deadline: no answer within 50 ms' });
  });
});
