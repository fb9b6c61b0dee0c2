import { startResponder } from './responder.ts';

// The responder of `maintenance on`, a process of its own: the command that raised the fence has long ended.
const [operation = '', retryAfter = '30'] = process.argv.slice(2);
const { port } = await startResponder(operation, Number(retryAfter), { keepsProcess: true });
process.stdout.write(`${port}\n`);
process.on('SIGHUP', () => {});
