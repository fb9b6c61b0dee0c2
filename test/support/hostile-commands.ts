/** What is put behind something that is allowed. */
const tails = (canary: string): readonly string[] => [
  ...[`; touch ${canary}`, `;touch ${canary}`, ` ; touch ${canary}`, `&& touch ${canary}`, ` && touch ${canary} `],
  ...[` || touch ${canary}`, `| touch ${canary}`, ` & touch ${canary}`, `&touch ${canary}&`, ` |& tee ${canary}`],
  ...[` $(touch ${canary})`, `$(touch ${canary})`, ` \`touch ${canary}\``, `\`touch ${canary}\``],
  ...[` "$(touch ${canary})"`, `\ntouch ${canary}`, `\r\ntouch ${canary}`, `\rtouch ${canary}`, '\n', '\n\n'],
  ...[` > ${canary}`, ` >> ${canary}`, ` >| ${canary}`, ` &> ${canary}`, ` 2>${canary}`, ` <>${canary}`],
  ...[' < /etc/passwd', ` <(touch ${canary})`, ` >(tee ${canary})`, ` <<<$(touch ${canary})`],
  ...[`;touch$IFS${canary}`, `;touch\${IFS}${canary}`, `;{touch,${canary}}`, `;$SHELL -c "touch ${canary}"`],
  ...[' $HOME', ' ${HOME}', ' $((1+1))', ' ~', ' ~root', ' *', ' ?', ' [a-z]', ' {a,b}', ' !!', ' !touch', ' #'],
  ...[' \\', ' \\n', ' \\;', ' "', ' "a"', " '", " 'a", " 'a\n'", " ''\"", ` $'\\ntouch'`, ' ^a^b', ' (a)'],
  ...['\ttouch', '\v', '\f', '\b\b\b', '\x07', '\x1b[2J', '\x1b]0;x\x07', '\x7f', '\x01', '\x1a', '\x9b31m'],
  ...[
    '\u00a0',
    '\u200b',
    '\u202e',
    '\uff1b touch',
    '\u2028',
    '\ufeff',
    ' \u{1f4a3}',
    ' \u03bd1',
    ' \uff561',
    ' \u00e9',
  ],
];

/** Other programs, and other ways to call this one. */
const programs = (canary: string): readonly string[] => [
  ...[`touch ${canary}`, `/usr/bin/touch ${canary}`, 'sh', `sh -c 'touch ${canary}'`, `bash -c 'touch ${canary}'`],
  ...[`env touch ${canary}`, `sudo touch ${canary}`, `exec touch ${canary}`, `eval touch ${canary}`, 'bash -i'],
  ...['internal-sftp', '/usr/lib/openssh/sftp-server', `scp -t ${canary}`, 'scp -f /etc/passwd', 'docker ps'],
  ...[`rsync --server -e.LsfxC . ${canary}`, `git-receive-pack '${canary}'`, `git-upload-pack '${canary}'`],
  ...[`docker run -v /:/host busybox touch ${canary}`, `node -e 'fs.writeFileSync("${canary}","")'`, 'cat /etc/shadow'],
  ...['/usr/bin/kaleem-deploy status', './kaleem-deploy status', 'kaleem-deploy/../touch x', '~/kaleem-deploy status'],
  ...['Kaleem-deploy status', 'KALEEM-DEPLOY status', 'kaleem-deploy.js status', 'kaleem-deploystatus'],
  ...["'kaleem-deploy status'", "'' kaleem-deploy status", '-- kaleem-deploy status', '-c kaleem-deploy', ' ', "''"],
  ...[
    'PATH=. kaleem-deploy status',
    `NODE_OPTIONS=--require=${canary} kaleem-deploy status`,
    'A=1 kaleem-deploy status',
  ],
  ...['DOCKER_HOST=tcp://evil kaleem-deploy status', 'sudo kaleem-deploy status', 'time kaleem-deploy status'],
  ...[
    '\nkaleem-deploy status',
    '\tkaleem-deploy status',
    '\ufeffkaleem-deploy status',
    "kaleem-deploy'",
    'kaleem-deploy',
  ],
  ...['k\u0430leem-deploy status', `kaleem-deploy ${'a'.repeat(5_000)}`, `kaleem-deploy ${'status '.repeat(2_000)}`],
];

/** Verbs that no key can have, or that this one has not. */
const verbs = (canary: string): readonly string[] => [
  ...['init', 'config', 'config --json', 'prune --yes', 'gate', `gate --config ${canary} --key ci`, 'help', 'setup'],
  ...['agent', 'runner', 'lock', 'lock break', 'maintenance', 'maintenance on', 'maintenance off', 'recover', 'shell'],
  ...[
    'recover --accept',
    'rollback --with-database',
    'rollback v1.0.0 --with-database --yes',
    '--with-database rollback',
  ],
  ...['backup', 'backup restore 12 --yes', `backup restore ${canary} --yes`, 'backup pull 12 --from attic'],
  ...['backup prune --yes', 'backup pin 12', 'backup unpin 12', 'backup lst', "'backup list'", "backup 'list --json'"],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'backup __proto__',
    'backup constructor',
    'lock toString',
  ],
  ...['-', '--', '---', '-- status', '--help', '-h', '-V', '--version', 'status --help', 'deploy', 'backup ../list'],
  ...[
    'latest',
    'main',
    'stauts',
    'Status',
    'deploy.sh/',
    '.',
    '..',
    '/',
    'v1/../..',
    'v1:2',
    '@v1',
    '=v1',
    '%2e',
    '+v1',
  ],
];

/** Options that steer what is not the client's to steer, and values that are none. */
const options = (canary: string): readonly string[] => [
  ...[`-c ${canary} status`, `--config ${canary} status`, `--config=${canary} status`, `status --config=${canary}`],
  ...[`-c${canary} status`, '--conf /x status', 'backup verify --identity x', `backup verify 12 --identity=${canary}`],
  ...['--host other status', 'status --host=other', '--key root status', '-d production status', '-d .. status'],
  ...['-d ../../etc status', "-d '' status", '-d . status', '--destination=/ status', '-dstaging status', '-d'],
  ...['v2 --request-id', 'v2 --request-id=', 'v2 --request-id=-x', "v2 --request-id='a b'", 'v2 --request-id=../x'],
  ...['-d staging -d staging status', '--lock-wait', '--lock-wait=-1 status', '--lock-wait=1e9 status'],
  ...['--lock-wait=86401 status', '--lock-wait=1.5 status', '--lock-wait=0x10 status', '--lock-wait=007 status'],
  ...["--lock-wait='' status", '-qy status', '-vvv status', '--json=1 status', '--json= status', '--yes=true status'],
  ...['--jso status', '--json --json status', '--__proto__ status', '--__proto__=1 status', '--constructor=1 status'],
  ...['--=x status', '--toString status', '-1 status', '-: status', '--image A=v2 v1.0.0', 'v1.0.0 --upgrade mongo'],
  ...[
    'deploy v1 --upgrade=mongo',
    'deploy v1 --image',
    'deploy v1 --image A',
    'deploy v1 --image A=',
    'deploy v1 --image =v2',
  ],
  ...[
    'deploy v1 --image A=v1:2',
    'deploy v1 --image A=../v2',
    "deploy v1 --image 'A=v2 B=v3'",
    'deploy v1 --image A=evil',
  ],
  ...['deploy v1 --image 1A=v2', "deploy v1 --image 'A=v2;x'", 'deploy v1 --follow', 'status --tail 1', 'status -f'],
  ...['status now', 'logs --tail all', 'logs --tail=10001', 'logs --tail=-1', 'logs --tail=1e3', 'logs --since=1h'],
  ...['history -n 0', 'history -n -1', 'history -n 1001', 'history --limit=all', 'history 5', 'doctor --fix'],
  ...[
    'backup create --include a.b',
    'backup create 1',
    'backup list --copy attic',
    'backup push --to attic',
    'version now',
  ],
  ...[
    'deploy ../../x',
    'deploy /etc/passwd',
    'deploy -rf',
    'deploy .',
    'deploy .v1',
    'deploy v1@sha256:aa',
    'deploy a/b:v1',
  ],
  ...["deploy ''", "deploy 'v1 v2'", 'deploy v1 v2', `deploy 'v1;touch ${canary}'`, `deploy '$(touch ${canary})'`],
  ...["deploy '`id`'", 'deploy evil', 'deploy 1.0', 'deploy -- v1', `deploy v${'1'.repeat(128)}`, "deploy 'it'\\''s'"],
  ...[
    "deploy 'v1\\n'",
    'deploy V1',
    'rollback ../..',
    'rollback v1 v2',
    'rollback evil',
    "rollback 'v1 '",
    'rollback --accept',
  ],
  ...['logs /etc/passwd', 'logs ../../x', "logs '*'", "logs 'a b'", `logs '|touch ${canary}'`, 'logs .', "logs ''"],
  ...[
    `logs ${'a '.repeat(21)}`,
    'backup show ../../etc/passwd',
    `backup show ${canary}`,
    'backup show',
    'backup show 1 2',
  ],
  ...['backup show 1-../x', 'backup show 1-a/b', 'backup verify ./dump.archive.gz', `backup verify ${canary}`],
  ...['backup verify dump', 'backup drill /x', 'backup drill 1/2', 'backup drill a'],
];

const after = (words: readonly string[]): readonly string[] => words.map((each) => `kaleem-deploy ${each}`);
const behind = (verb: string, canary: string): readonly string[] =>
  tails(canary).map((tail) => `kaleem-deploy ${verb}${tail}`);

/**
 * Commands that somebody with a stolen key may send. Who runs one of them as its author meant it makes a file at the path `canary`. None may
 * run for the key of `HOSTILE_RIGHTS`.
 */
export const hostileCommands = (canary: string): readonly string[] => [
  ...['status', 'deploy v1.0.0', "logs 'api'"].flatMap((verb) => behind(verb, canary)),
  ...programs(canary),
  ...after([...verbs(canary), ...options(canary)]),
];

/** Those of them that are worth a connection: of options, which no shell could mistake, each third. */
export const someHostileCommands = (canary: string): readonly string[] => [
  ...behind('deploy v1.0.0', canary),
  ...programs(canary),
  ...after([...verbs(canary), ...options(canary).filter((_, index) => index % 3 === 0)]),
];

/** In a gate's configuration, in YAML's flow style. */
export const HOSTILE_RIGHTS = [
  '{ verbs: [deploy, rollback, attach, abort, status, history, releases, images, logs, health, doctor, lock status,',
  'backup create, backup list, backup show, backup verify, backup drill, backup push], tags: v*, destinations: [., staging] }',
].join(' ');
