import { hexOf } from "../../../src/base/index.ts";
import { Btf } from "../../../src/btf/index.ts";
import { openElf } from "../../../src/elf/index.ts";
import { encode } from "../../../src/isa/index.ts";
import { link, minCoreBtf, type ObjectSpec, open, writeObject } from "../../../src/object/index.ts";
import { mutateBytes } from "../bytes-mutator.ts";
import { objectFiles } from "../corpus.ts";
import { attempt, demand } from "../oracle.ts";
import { mutateParts, packParts, unpackParts } from "../parts.ts";
import type { Target } from "../target.ts";

/** Pairs of objects, linked. */
export const linked: Target = {
  name: "link",
  corpus() {
    const objects = objectFiles().filter((bytes) => bytes.length < 24 * 1024);
    return objects.map((bytes, index) => packParts([bytes, objects[(index * 7 + 1) % objects.length]!]));
  },
  mutate: (random, corpus) => mutateParts(random, corpus, 2),
  run(input) {
    const [one, other] = unpackParts(input, 2) as [Uint8Array, Uint8Array];
    const bytes = link([
      { name: "one.bpf.o", bytes: one },
      { name: "other.bpf.o", bytes: other },
    ]);
    demand(openElf(bytes).sections.length > 0, "the linked object has no sections");
    // What is wrong inside a program or a map shows only when the object is opened.
    attempt(bytes.length, () => open(bytes, { name: "linked.bpf.o" }));
  },
};

/** Objects that can be opened, written again, and the kernel types they need. */
export const written: Target = {
  name: "object-write",
  corpus: objectFiles,
  mutate: mutateBytes,
  run(input) {
    const spec = open(input, { name: "fuzzed.bpf.o" });
    const types = openElf(input).section(".BTF");
    if (types !== undefined) {
      const kernel = attempt(input.length, () => Btf.parse(openElf(input).data(types)));
      if (kernel !== undefined) {
        const least = attempt(input.length, () =>
          minCoreBtf(kernel, [{ name: "fuzzed.bpf.o", bytes: input }]),
        );
        if (least !== undefined) demand(Btf.parse(least).count <= kernel.count, "the least types are more");
      }
    }
    const bytes = attempt(input.length, () => writeObject(spec));
    if (bytes === undefined) return;
    const again = open(bytes, { name: "fuzzed.bpf.o" });
    demand(outline(again) === outline(spec), () => `was ${outline(spec)}, is ${outline(again)}`);
  },
};

function outline(spec: ObjectSpec): string {
  const programs = [...spec.programs].map(([name, { insns }]) => `${name} ${hexOf(encode(insns))}`);
  return [...programs.toSorted(), ...[...spec.maps.keys()].toSorted()].join("; ");
}
