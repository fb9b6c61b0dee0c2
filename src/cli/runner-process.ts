// The process that an operation runs in: a session of its own, nothing of the terminal, its job on a channel. Started by
// the command that was typed (runner-link.ts), which then only follows.

process.umask(0o077);

const [kind = ''] = process.argv.slice(2);
const { runInProcess } = await import('./runner-world.ts');
await runInProcess(kind);
process.exit();
