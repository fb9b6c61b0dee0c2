import { SshFailure } from './failure.ts';
import type { KnownKey, Verdict } from './known-hosts.ts';
import { keyType, shownKey } from './public-key.ts';

const COMPARE =
  'compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub` shows on that server; if it is the same:';

const placeOf = ({ file, line }: KnownKey): string => `${file}:${line}`;

/**
 * Why a host's key is not accepted, and what to type when it is right all the same.
 * @param file where a new key would be written
 */
export const hostKeyFailure = (
  verdict: Exclude<Verdict, { readonly is: 'known' }>,
  { name, key, file }: { readonly name: string; readonly key: Buffer; readonly file: string },
): SshFailure => {
  const shown = shownKey(key);
  const add = `echo '${name} ${keyType(key)} ${key.toString('base64')}' >> ${file}`;
  switch (verdict.is) {
    case 'unknown': {
      const { authority } = verdict;
      if (authority === null) {
        return new SshFailure('refused', `the host key of ${name} is not known: ${shown}`, {
          hint: `${COMPARE} ${add}`,
        });
      }
      const only = `${placeOf(authority)} has a certificate authority for ${name}, and host certificates are not supported`;
      return new SshFailure('refused', `the host key of ${name} is not known by itself: ${shown}; ${only}`, {
        hint: `${COMPARE} ${add}`,
      });
    }
    case 'changed': {
      const { old } = verdict;
      const was = `${placeOf(old)} has ${shownKey(Buffer.from(old.key, 'base64'))}`;
      return new SshFailure('refused', `the host key of ${name} is another one than is known: ${shown}; ${was}`, {
        hint: `somebody may be in between. ${COMPARE} ssh-keygen -R '${name}' -f ${old.file} && ${add}`,
      });
    }
    case 'revoked':
      return new SshFailure(
        'refused',
        `the host key of ${name} is revoked in ${placeOf(verdict.by)}: ${shown}; whoever has it is not to be trusted`,
      );
  }
};
