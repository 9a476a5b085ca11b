import { kernel } from "../../kernel/index.ts";

export const port = kernel;
