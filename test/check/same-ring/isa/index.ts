import { three } from "../asm/index.ts";

export const two = three - 1;
