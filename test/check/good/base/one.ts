// A comment may speak of import("node:fs") and of "../kernel/index.ts".
export const one = 1;
