import { describe, expect, it } from "vitest";
import { BtfKind, enumeratorName } from "../../src/btf/index.ts";
import {
  HELPER_FAMILIES,
  HELPER_MEANINGS,
  HELPER_PROTOTYPES,
  KFUNC_FAMILIES,
  KFUNC_MEANINGS,
  KFUNC_SETS,
} from "../../src/platform/index.ts";
import { linuxTypes } from "../kernel/case-program.ts";

const { btf } = linuxTypes();

/** Names of all constants that the kernel's types have. */
function enumerators(): ReadonlySet<string> {
  const names = new Set<string>();
  for (let id = 1; id < btf.count; id++) {
    const kind = btf.kind(id);
    if (kind !== BtfKind.ENUM && kind !== BtfKind.ENUM64) continue;
    for (let i = 0; i < btf.vlen(id); i++) names.add(enumeratorName(btf, id, i));
  }
  return names;
}

/** Constants that C has as macros only: <linux/time.h>, <linux/seg6_local.h>. */
const MACROS: ReadonlySet<string> = new Set(["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_BOOTTIME"]);

describe("HELPER_MEANINGS", () => {
  it("has each helper once, in one family", () => {
    const names = HELPER_FAMILIES.flatMap((family) => family.names);
    expect(new Set(names).size).toBe(names.length);
    expect(names.map((name) => `bpf_${name}`).sort()).toEqual(
      [...HELPER_PROTOTYPES.values()].map(({ name }) => name).sort(),
    );
  });

  it("says it in one to four sentences", () => {
    for (const [name, { text }] of Object.entries(HELPER_MEANINGS)) {
      expect(text, name).toMatch(/^[A-Z].*\.$/);
      const sentences = text.split(/[.!?](?= [A-Z]|$)/).length - 1;
      expect(sentences, text).toBeLessThanOrEqual(4);
    }
  });

  it("names flags as Linux does", () => {
    const known = enumerators();
    const unknown = Object.values(HELPER_MEANINGS)
      .flatMap(({ flags }) => Object.keys(flags))
      .filter((flag) => !known.has(flag) && !MACROS.has(flag));
    expect(unknown).toEqual([]);
  });
});

describe("KFUNC_MEANINGS", () => {
  it("has a sentence for each function that Linux registers, in one family", () => {
    const wanted = new Set(KFUNC_SETS.flatMap(({ functions }) => Object.keys(functions)));
    const names = KFUNC_FAMILIES.flatMap((family) => family.names);
    expect([...names].sort()).toEqual([...wanted].sort());
    for (const name of wanted) expect(KFUNC_MEANINGS[name], name).toMatch(/^[A-Z].*\.$/);
  });
});
