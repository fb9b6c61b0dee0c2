/** What the unit starts, and for what. */
export interface AgentUnit {
  /** Absolute path of the program. */
  readonly program: string;
  /** The project's folder, absolute. */
  readonly directory: string;
  /** Absolute path of a configuration file; null: as it is found in the folder. */
  readonly config: string | null;
}

/** A `%` begins a specifier in any value (systemd.unit(5)). */
const plain = (text: string): string => text.replaceAll('%', '%%');

/** A word of a command line: in quotes, where `\` escapes, and `$` would begin a variable (systemd.service(5)). */
const word = (text: string): string => {
  const escaped = plain(text).replace(/[\\"]/g, '\\$&').replaceAll('$', '$$$$');
  return /^[A-Za-z0-9_./:@%+,=$-]+$/.test(escaped) ? escaped : `"${escaped}"`;
};

/**
 * The unit of the agent. It goes on through everything that it starts: operations run in units of their own. What is forbidden to it is what neither it
 * nor a hook of the project's needs: it stays root, talks to Docker and changes the firewall.
 */
export const agentUnit = ({ program, directory, config }: AgentUnit): string => {
  const command = [program, 'agent', ...(config === null ? [] : ['--config', config])];
  return `# Written by kaleem-deploy setup; changes belong into a drop-in: systemctl edit kaleem-deploy-agent
[Unit]
Description=kaleem-deploy agent: schedules, and recovery at boot
After=docker.service network-online.target
Wants=docker.service network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart=${command.map(word).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory=${plain(directory)}
Environment=HOME=/root
Restart=on-failure
RestartSec=10
WatchdogSec=120
KillMode=process
TimeoutStopSec=90
UMask=0077

ProtectSystem=full
ReadWritePaths=-/etc/kaleem-deploy
NoNewPrivileges=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateDevices=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_PTRACE

[Install]
WantedBy=multi-user.target
`;
};
