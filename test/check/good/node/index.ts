import { readFileSync } from "node:fs";
import { three } from "../asm/index.ts";

export const read = () => readFileSync(String(three));
