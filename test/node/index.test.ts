import { expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";

it("gives all types of a release for an embedded kernel", () => {
  const types = linuxTypes();
  expect(types.findByName("task_struct")).toBeGreaterThan(0);
  expect(types.findByName("btf_trace_task_newtask")).toBeGreaterThan(0);
  expect(() => new EmbeddedKernel({ btf: types })).not.toThrow();
  expect(linuxTypes("6.1").count).not.toBe(types.count);
});
