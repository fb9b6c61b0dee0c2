/** Whether a host, as it stands in a URL, is this one: what is sent there meets no network. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host);
