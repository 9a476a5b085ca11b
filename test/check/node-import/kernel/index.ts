import { readFileSync } from "node:fs";
import { parse } from "some-package";

export const boot = () => parse(readFileSync("vmlinux"));
