import type { Two } from "../isa/index.ts";

export type One = Two | 1;
