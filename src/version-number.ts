/** The version in package.json, as a constant: `--version` must not read files or load anything. A test compares the two. */
export const VERSION = '0.1.0';
