import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { LoadError, type LoadOptions, load } from "../../src/loader/index.ts";
import { open } from "../../src/object/index.ts";
import { Errno } from "../../src/sys/index.ts";
import { VerifierError } from "../../src/verifier/index.ts";

const FILE = "testdata/verifier/explain/c/nulls.bpf";
const SOURCE = readFileSync(`${FILE}.c`, "utf8").split("\n");

/** Why the first program of the object is refused. */
function refusal(options: LoadOptions): LoadError {
  const spec = open(new Uint8Array(readFileSync(`${FILE}.o`)), { name: "mistake" });
  const [first] = spec.programs.keys();
  try {
    load(spec, new EmbeddedKernel({ execute: false }), {
      ...options,
      autoload: ({ name }) => name === first,
    });
  } catch (error) {
    if (error instanceof LoadError) return error;
    throw error;
  }
  throw new Error("it is accepted");
}

describe("VerifierError", () => {
  it.each([
    ["without a log level", {}],
    ["of level 2", { logLevel: 2 }],
  ])("%s is what a program is refused for, between the load and the errno", (_, options) => {
    const error = refusal(options);
    const cause = error.cause as VerifierError;
    expect(cause).toBeInstanceOf(VerifierError);
    expect(cause.cause).toBeInstanceOf(Errno);
    expect(cause.log).toBe(error.log);
    const explanation = cause.explain()!;
    expect(explanation.code).toBe("null-pointer");
    // The chain, with whole paths and columns from the object's own records.
    expect(explanation.why.length).toBeGreaterThan(1);
    const place = explanation.why[explanation.cause!]!.source!;
    expect(SOURCE[place.line! - 1]).toContain(place.text);
    expect(place.column).toBeGreaterThan(0);
    expect(cause.instruction).toBe(explanation.instruction!.index);
    expect(SOURCE[cause.source!.line! - 1]).toContain(cause.source!.text);
    expect(cause.program).toBe((error.part as { name: string }).name);
  });

  it("is made of any kernel's log", () => {
    const log = "0: (79) r0 = *(u64 *)(r1 +4)\ninvalid bpf_context access off=4 size=8\n";
    const error = new VerifierError("mine", log);
    expect([error.message, error.instruction, error.source]).toEqual([
      "program mine: refused by the verifier",
      0,
      null,
    ]);
    expect(error.explain()!.code).toBe("context-access");
    expect(new VerifierError("mine", "").explain()).toBeNull();
  });

  it("is none where the log did not fit", () => {
    expect(refusal({ logLevel: 2, logSize: 128 }).cause).toBeInstanceOf(Errno);
  });
});
