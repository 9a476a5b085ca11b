import { expect, it } from "vitest";
import { createHelpers, createKfuncs } from "../../../src/helpers/index.ts";
import { ANYWHERE, CLOCKS } from "../../../src/kernel/executors/allowed.ts";
import { defaultLayout } from "../../../src/platform/index.ts";

const layout = defaultLayout();

const KINDS = ["skb", "xdp", "sock", "sockAddr", "sockOps", "other"] as const;

/** Names of the helpers and kfuncs whose bodies are TypeScript: only these need a place in the list. */
const HOST_BODIES = new Set(
  [...KINDS.flatMap((kind) => [...createHelpers(layout, kind).values()]), ...createKfuncs(layout).values()]
    .filter(({ body }) => body.kind === "host")
    .map(({ name }) => name),
);

it.each([...ANYWHERE])("%s, which other executors may call, has a body in TypeScript", (name) => {
  expect(HOST_BODIES).toContain(name);
});

it.each([...CLOCKS])("%s, which reads the clock, is one of them", (name) => {
  expect(ANYWHERE).toContain(name);
});
