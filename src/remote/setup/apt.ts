import { linesOf } from '../../system/lines.ts';
import type { Found } from './look.ts';
import { ASKED, chooseNext, chooseOwn, LEAST, type Offer, parseOffers, shownOffers, type Wanted } from './packages.ts';
import { pinOf, sourceOfNext, suiteAfter } from './sources.ts';
import { refuse, type Site } from './step.ts';
import { distributionOf } from './system.ts';

const LOG = '/var/log/kaleem-deploy-setup.log';

/**
 * Output goes into a file, and signals go nowhere: neither a connection that is lost nor Ctrl-C must end a package manager in the middle. A new server upgrades itself while it
 * boots, so a lock is waited for, five minutes at most.
 */
const PATIENT = `
trap '' HUP INT TERM
log=${LOG}
patient() {
  tries=0
  until "$@" >>"$log" 2>&1 </dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ] || ! tail -n 5 "$log" | grep -Eq 'get lock|frontend lock|is locked'; then
      tail -n 12 "$log" >&2
      exit 1
    fi
    sleep 5
  done
}
`;

/** What an interrupted installation left is finished first. Arguments: packages to be told of. */
const UPDATE = `${PATIENT}
patient dpkg --configure -a
patient apt-get -q update
apt-cache madison "$@" 2>/dev/null
exit 0
`;

/** A file that somebody has changed stays as it is. */
const INSTALL = `${PATIENT}
patient apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \\
  --no-install-recommends install "$@"
`;

/** An update that reached no repository is a success to apt-get. */
const COMPLAINTS = `grep -E '^(E|W|Err)' ${LOG} | tail -n 8; exit 0`;

const SOURCES = `cat /etc/apt/sources.list.d/*.sources 2>/dev/null; exit 0`;
const LIST = `cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null; exit 0`;

const update = async (site: Site): Promise<readonly Offer[]> =>
  parseOffers(await site.sh(`apt-get update (its log is ${LOG} there)`, UPDATE, ASKED));

/** Asked once in a run; again after a suite was added. */
const offersFor = async (site: Site): Promise<readonly Offer[]> => {
  site.offers ??= await update(site);
  return site.offers;
};

const addNextSuite = async (site: Site, codename: string, next: string): Promise<boolean> => {
  const [sources, list] = [await site.sh("reading apt's sources", SOURCES), await site.sh('the same', LIST)];
  const source = sourceOfNext({ sources, list }, codename, next);
  if (source === null) return false;
  const pin = pinOf(next);
  // The pin first: nothing of the suite may come by itself in between.
  await site.write(pin.file, pin.text, '644');
  await site.write(source.file, source.text, '644');
  site.offers = await update(site);
  return true;
};

/** Installs packages that the machine's own sources have. Throws 'setup-failed' with apt's last lines. */
export const installPackages = async (site: Site, packages: readonly string[]): Promise<void> => {
  await offersFor(site);
  await site.sh(`apt-get install ${packages.join(' ')} (its log is ${LOG} there)`, INSTALL, packages);
};

/** Packages of the machine's own that are new enough; null: there are none. */
export const findOwnPackages = async (site: Site, found: Found, wanted: readonly Wanted[]) => {
  const { codename } = distributionOf(found.get('os-release') ?? '');
  return chooseOwn(wanted, await offersFor(site), suiteAfter(codename));
};

const INSTRUCTIONS = 'https://docs.docker.com/engine/install/';

/**
 * Packages of the machine's own or, on a Debian whose own are too old, of the suite after it, which then has an entry of its own.
 * Throws 'unsupported', naming what is offered.
 */
export const findPackages = async (site: Site, found: Found, wanted: readonly Wanted[]): Promise<readonly string[]> => {
  const own = await findOwnPackages(site, found, wanted);
  if (own !== null) return own;
  const { id, codename, name } = distributionOf(found.get('os-release') ?? '');
  const next = id === 'debian' ? suiteAfter(codename) : null;
  const isThere = next !== null && (await addNextSuite(site, codename, next));
  const theirs = isThere ? chooseNext(wanted, await offersFor(site), next) : null;
  if (theirs !== null) return theirs;
  const offered = shownOffers(wanted, await offersFor(site));
  const least = wanted.map((each) => `${each === 'engine' ? 'Docker' : 'Compose'} ${LEAST[each]}`).join(' and ');
  const complaints = linesOf(await site.sh('reading its log', COMPLAINTS));
  const message = `${name} offers ${offered}, and ${least} or newer are needed`;
  const hint = complaints.length === 0 ? '' : 'let the host reach its packages, and type it again; or ';
  return refuse(message, `${hint}install Docker by hand: ${INSTRUCTIONS}`, complaints);
};
