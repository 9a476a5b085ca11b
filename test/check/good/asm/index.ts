import { two } from "../isa/index.ts";

export const three = two + 1;
