/** The version of tsbpf: the same as in package.json, which `npm run check` compares. */
export const VERSION = "0.1.0";
