const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
/** A name or an address. It never begins with a hyphen: it stands on command lines. */
const HOST = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/;
const IPV6 = /^[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f.]{0,15}){2,8}(?:%[A-Za-z0-9_.-]{1,30})?$/;

export const isUserName = (text: string): boolean => USER.test(text);

/** A host's name or address, or its alias in a configuration of SSH. */
export const isHostName = (text: string): boolean => HOST.test(text) || IPV6.test(text);

/** `host` or `user@host`, as it is typed. */
export const isHostWithUser = (text: string): boolean => {
  const at = text.lastIndexOf('@');
  return (at === -1 || isUserName(text.slice(0, at))) && isHostName(text.slice(at + 1));
};
