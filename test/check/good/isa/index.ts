import { one } from "../base/index.ts";

export const two = one + one;
export const source = `
  import { fs } from "node:fs";
`;
