/**
 * What `#failpoint` is in every normal run: nothing at all. A failpoint is a name for an instant before or after something
 * durable or external, where a test can kill this process, or let a write fail. Only `node --conditions=failpoints` has
 * the other one (armed.ts); this one does not so much as look at the environment.
 *
 * @param _name - letters, dots and dashes; a literal, so that test/unit/system/failpoint-names.test.ts can list them
 */
export const failpoint = async (_name: string): Promise<void> => {};
