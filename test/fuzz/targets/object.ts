import { CoreResolver } from "../../../src/btf/index.ts";
import { checkForm } from "../../../src/isa/index.ts";
import { globalsOf, objectName, open, relocateCore } from "../../../src/object/index.ts";
import { mutateBytes } from "../bytes-mutator.ts";
import { objectFiles } from "../corpus.ts";
import { attempt, demand } from "../oracle.ts";
import type { Target } from "../target.ts";

/** Objects: opened, with CO-RE calculated against their own types. */
export const object: Target = {
  name: "object",
  corpus: objectFiles,
  mutate: mutateBytes,
  run(input) {
    const spec = open(input, { name: "fuzzed.bpf.o" });
    demand(spec.name === objectName("fuzzed.bpf.o"), () => `the object is named ${spec.name}`);
    for (const program of spec.programs.values()) {
      const count = program.insns.length;
      checkForm(program.insns);
      for (const { slot } of [...program.references, ...program.coreRelocations, ...program.lineInfo]) {
        demand(
          slot >= 0 && slot < count,
          () => `program ${program.name}: a record about slot ${slot} of ${count}`,
        );
      }
      const { btf } = spec;
      if (btf === null) continue;
      attempt(input.length, () =>
        relocateCore(program, new CoreResolver(btf, { kernel: { name: "own", btf } })),
      );
    }
    attempt(input.length, () => globalsOf(spec));
  },
};
