import { describe, expect, it } from "vitest";
import { type Btf, BtfKind } from "../../src/btf/index.ts";
import { createKfuncs, type ValueKind } from "../../src/helpers/index.ts";
import { defaultLayout } from "../../src/platform/index.ts";
import { linuxTypes } from "../kernel/case-program.ts";

const kfuncs = createKfuncs(defaultLayout());
const { btf } = linuxTypes();

/** Not in the BTF of the kernel: what a kfunc becomes in programs that may not write. */
const SPECIALISED: ReadonlySet<string> = new Set(["bpf_dynptr_from_skb_rdonly"]);

/** The ways in which a value of a type may travel. */
function waysOf(types: Btf, id: number): readonly ValueKind[] {
  if (id === 0) return ["void"];
  let type = id;
  for (;;) {
    const kind = types.kind(type);
    if (kind === BtfKind.PTR) return ["ptr", "i64", "i32"];
    if (kind === BtfKind.INT || kind === BtfKind.ENUM) break;
    type = types.ref(type);
  }
  const size = types.size(type);
  // Of a size or an offset of 64 bits the low half is enough, where it is a constant of the verifier's.
  if (size === 8) return ["i64", "i32"];
  return size === 4 ? ["i32", "u32"] : ["u8", "u32"];
}

describe("the table of kfuncs", () => {
  it.each(
    [...kfuncs.values()]
      .filter(({ name }) => !SPECIALISED.has(name))
      .map((kfunc) => [kfunc.name, kfunc] as const),
  )("%s is called as the kernel's types say", (name, kfunc) => {
    const id = btf.findByName(name, BtfKind.FUNC);
    expect(id, name).not.toBe(0);
    const prototype = btf.type(btf.ref(id));
    if (prototype.kind !== "FUNC_PROTO") throw new Error("expected a prototype");
    expect(kfunc.args.length).toBe(prototype.params.length);
    for (const [i, { type }] of prototype.params.entries()) {
      expect(waysOf(btf, type), `argument ${i + 1}`).toContain(kfunc.args[i]);
    }
    expect(waysOf(btf, prototype.returns)).toContain(kfunc.result);
    expect(kfunc.checks.length).toBeLessThanOrEqual(kfunc.args.length);
  });

  it("gives what is narrower than 64 bits without its sign, as compiled functions leave it", () => {
    for (const { name, result } of kfuncs.values()) expect(result, name).not.toBe("i32");
  });
});
