/** Everything. */

export * from "./table.ts";
