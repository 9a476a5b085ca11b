import { expect, it } from "vitest";
import { FunctionIndices } from "../../src/vm/index.ts";

it("never gives 0, and gives again what came back", () => {
  const indices = new FunctionIndices();
  expect([indices.allocate(), indices.allocate(), indices.end]).toEqual([1, 2, 3]);
  indices.release(1);
  expect([indices.allocate(), indices.allocate()]).toEqual([1, 3]);
});

it("keeps what somebody holds", () => {
  const indices = new FunctionIndices();
  const index = indices.allocate();
  indices.hold(index);
  indices.hold(index);
  indices.release(index);
  indices.release(index);
  expect(indices.allocate()).toBe(2);
  indices.release(index);
  expect(indices.allocate()).toBe(index);
});

it("gives a name the same index each time", () => {
  const indices = new FunctionIndices();
  const [a, b] = [indices.named("a"), indices.named("b")];
  expect(a).not.toBe(b);
  expect(indices.named("a")).toBe(a);
});

it("has an end", () => {
  const indices = new FunctionIndices(3);
  indices.allocate();
  indices.allocate();
  expect(() => indices.allocate()).toThrow("more than 3 functions in one kernel is not supported");
});
