import { describe, expect, it } from "vitest";
import { createHelpers } from "../../../src/helpers/index.ts";
import { r0, r1, r2, r3, r4, r6, r10 } from "../../../src/isa/index.ts";
import { defaultLayout } from "../../../src/platform/index.ts";
import { BpfFuncId } from "../../../src/uapi/index.ts";
import { printModule } from "../../../src/wasm/index.ts";
import { Bench, type Build, built } from "../support.ts";

/** `bpf_strtol` of 8 bytes at the context, with flags of 64 bits from there. */
const CODE: Build = (b) =>
  b
    .mov64(r6, r1)
    .ldx("dw", r3, r6, 8)
    .mov64(r1, r6)
    .mov64(r2, 8)
    .mov64(r4, r10)
    .alu64("add", r4, -8)
    .call(BpfFuncId.strtol)
    .mov64(r0, 0)
    .exit();

describe("arguments of the host's helpers", () => {
  it("are read once, though they go in halves", () => {
    const bench = new Bench(createHelpers(defaultLayout()), "optimised");
    const program = bench.compile(built(CODE), { mode: "verified" });
    const text = printModule(program.image!.bytes);
    const main = text.slice(text.indexOf("(func $test"), text.indexOf("call $bpf_strtol"));
    expect(main.match(/i64\.load/g)).toHaveLength(1);
  });
});
