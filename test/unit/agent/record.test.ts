import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AgentRecord, readAgentRecord, writeAgentRecord } from '../../../src/agent/record.ts';
import { complaintOf } from '../../../src/agent/tool.ts';
import { agentPid, becomeAgent } from '../../../src/operation/agent-socket.ts';
import { openState, type StateDirectory } from '../../../src/operation/state.ts';

let folder: string;
let state: StateDirectory;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaleem-agent-'));
  state = await openState(join(folder, '.kaleem'));
});
afterEach(() => rm(folder, { recursive: true }));

const RECORD: AgentRecord = {
  backup: {
    after: '2026-06-01T03:00:00.000Z',
    last: { due: '2026-06-01T03:00:00.000Z', begunAt: '2026-06-01T03:00:01.000Z', endedAt: null, exitCode: null },
  },
  watch: { after: '2026-06-01T03:00:00.000Z', last: null },
};

it('remembers what was done', async () => {
  expect(await readAgentRecord(null)).toEqual({});
  expect(await readAgentRecord(state)).toEqual({});
  await writeAgentRecord(state, RECORD);
  expect(await readAgentRecord(state)).toEqual(RECORD);
});

it.each(['', '{', '{"version":2,"jobs":{}}', '{"version":1,"jobs":{"backup":{"after":"yesterday","last":null}}}'])(
  'begins anew after %j',
  async (text) => {
    await writeFile(state.file('agent.json'), text);
    expect(await readAgentRecord(state)).toEqual({});
  },
);

it('has one place for an agent, which is free again once that one is gone', async () => {
  expect(await agentPid(state.path)).toBeNull();
  const place = await becomeAgent(state.path);
  expect(await agentPid(state.path)).toBe(process.pid);
  await expect(becomeAgent(state.path)).rejects.toMatchObject({
    code: 'locked',
    message: `an agent is running already for ${state.path} (process ${process.pid})`,
  });
  const other = await becomeAgent(join(folder, 'other'));
  await other.close();
  await place.close();
  expect(await agentPid(state.path)).toBeNull();
  await (await becomeAgent(state.path)).close();
});

it.each([
  [{ exitCode: 30, stdout: '{"error":{"message":"no space"}}', stderr: 'error: x' }, 'no space'],
  [
    {
      ...{ exitCode: 3, stderr: '' },
      stdout: JSON.stringify({
        ok: false,
        findings: [
          { what: 'gates', status: 'bad', detail: 'web failed' },
          { what: 'disk', status: 'ok', detail: '3 %' },
        ],
      }),
    },
    'gates: web failed',
  ],
  [{ exitCode: 3, stdout: '{"ok":false}', stderr: 'warning: a\nnot healthy\n' }, 'not healthy'],
  [{ exitCode: 1, stdout: '', stderr: '' }, 'exit 1'],
  [{ exitCode: null, stdout: '', stderr: '' }, 'exit by a signal'],
])('%j complains: %s', (ran, complaint) => {
  expect(complaintOf(ran)).toBe(complaint);
});
