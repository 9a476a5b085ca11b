import {
  Btf,
  CoreResolver,
  deduplicate,
  parseBtfExt,
  writeBtf,
  writeBtfExt,
} from "../../../src/btf/index.ts";
import { typeSections } from "../btf-seeds.ts";
import { attempt, demand } from "../oracle.ts";
import { mutateParts, packParts, unpackParts } from "../parts.ts";
import type { Target } from "../target.ts";

/** `.BTF.ext` with the BTF that it is about. */
export const btfExt: Target = {
  name: "btf-ext",
  corpus: () =>
    typeSections()
      .filter(({ ext }) => ext.length > 0)
      .map(({ btf, ext }) => packParts([btf, ext])),
  mutate: (random, corpus) => mutateParts(random, corpus, 2),
  run(input) {
    const [btfData, extData] = unpackParts(input, 2);
    const types = Btf.parse(btfData!);
    const ext = parseBtfExt(extData!, types);
    const endian = ext.endian === "little" ? "big" : "little";
    const again = parseBtfExt(writeBtfExt(ext, { endian }), types);
    demand(
      JSON.stringify({ ...again, endian: "" }) === JSON.stringify({ ...ext, endian: "" }),
      "the records differ once written",
    );
    const merged = attempt(input.length, () => deduplicate(types, { ext }));
    if (merged?.ext !== undefined) parseBtfExt(writeBtfExt(merged.ext), Btf.parse(merged.bytes));
  },
};

/** CO-RE records of an object, calculated against types from strangers too. */
export const core: Target = {
  name: "core",
  corpus() {
    const sections = typeSections();
    return sections
      .filter(({ btf, ext }) => ext.length > 0 && parseBtfExt(ext, Btf.parse(btf)).coreRelos.length > 0)
      .flatMap(({ btf, ext }, index) => [
        packParts([btf, ext, btf]),
        packParts([btf, ext, writeBtf(Btf.parse(btf), { endian: "big" })]),
        packParts([btf, ext, sections[index]!.btf]),
      ]);
  },
  mutate: (random, corpus) => mutateParts(random, corpus, 3),
  run(input) {
    const [localData, extData, targetData] = unpackParts(input, 3);
    const local = Btf.parse(localData!);
    const ext = parseBtfExt(extData!, local);
    const kernel = { name: "target", btf: Btf.parse(targetData!) };
    const resolver = new CoreResolver(local, { kernel });
    for (const { records } of ext.coreRelos) {
      for (const { typeId, accessOffset, kind } of records) {
        if (accessOffset >= local.stringEnd) continue;
        const result = attempt(input.length, () =>
          resolver.resolve({ typeId, access: local.string(accessOffset), kind }),
        );
        if (result === undefined) continue;
        demand(
          (result.match === null) === result.failure.length > 0 || kind === 6,
          "no match, and no reason",
        );
        demand(result.value >= 0n && result.value < 1n << 64n, "a value has more than 64 bits");
      }
    }
  },
};
