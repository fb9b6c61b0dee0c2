import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

export interface TlsIdentity {
  /** SNI; empty for an address, which SNI does not allow. */
  readonly servername: string;
  readonly checkServerIdentity: (dialed: string, certificate: PeerCertificate) => Error | undefined;
}

/** TLS options that keep a server's name when another address is dialed: SNI and certificate check use `host`. */
export const tlsIdentity = (host: string): TlsIdentity => ({
  servername: isIP(host) === 0 ? host : '',
  checkServerIdentity: (_dialed, certificate) => checkServerIdentity(host, certificate),
});
