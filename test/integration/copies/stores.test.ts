import { copyStoreContract } from '../../contract/copy-store.ts';
import { startS3, startSshd } from '../../support/copy-places.ts';

copyStoreContract('a real sshd', () => startSshd());
copyStoreContract('an sshd that lets nobody run a command', () => startSshd({ sftpOnly: true }));
copyStoreContract('an S3-compatible server', startS3);
