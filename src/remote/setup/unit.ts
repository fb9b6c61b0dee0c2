import { agentUnit } from './agent-unit.ts';
import { hasProject } from './folder.ts';
import { type Found, PLACES } from './look.ts';
import { ok, refuse, type Step } from './step.ts';

const NAME = 'kaleem-deploy-agent.service';

/** Arguments: `restart`, or nothing; a start is over when the agent says that it is ready. */
const ENABLE = `
set -e
systemctl daemon-reload
systemctl --quiet enable ${NAME}
[ "$1" = restart ] || exit 0
systemctl restart ${NAME} || { journalctl --unit ${NAME} --lines 12 --no-pager >&2; exit 1; }
`;

const isUnit = (text: string): boolean => text.startsWith('# Written by kaleem-deploy setup');

const activeIn = (found: Found): boolean => found.get('unit-active')?.trim() === 'active';

export const unitStep: Step = {
  name: 'agent',
  decide(found, { directory, tool }) {
    const text = agentUnit({ program: PLACES.program, directory, config: null });
    const old = found.get('unit');
    if (old !== undefined && !isUnit(old)) {
      refuse(
        `${PLACES.unit} is there, and setup has not written it`,
        `move it away; what is yours belongs into a drop-in: systemctl edit ${NAME}`,
      );
    }
    const isThere = old === text;
    const isEnabled = found.get('unit-enabled')?.trim() === 'enabled';
    const wanted = hasProject(found);
    // One that runs has the program it was started with.
    const isStale = activeIn(found) && !(found.get('program') ?? '').includes(`/${tool.folder}/`);
    const starts = wanted && (!isThere || !activeIn(found) || isStale);
    if (isThere && isEnabled && !starts)
      return ok(wanted ? `${NAME} runs` : `${NAME}; it starts once the project is there`);
    const does = [
      ...(isThere ? [] : ['write']),
      ...(isThere && isEnabled ? [] : ['enable']),
      ...(starts ? [activeIn(found) ? 'restart' : 'start'] : []),
    ];
    return {
      is: 'change',
      would: `${does.join(', ')} ${NAME}${wanted ? '' : '; it starts once the project is there'}`,
      async act(site) {
        if (!isThere) await site.write(PLACES.unit, text, '644');
        await site.sh(`starting ${NAME}`, ENABLE, [starts ? 'restart' : '']);
        return `${starts ? 'started' : 'enabled'} ${NAME}${wanted ? '' : '; it starts once the project is there'}`;
      },
    };
  },
};
