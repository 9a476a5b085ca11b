import { expect, it } from "vitest";
import { xlatedText } from "../../../src/asm/index.ts";
import { ProgramBuilder, r1, r2, r10, WideKind, wideSlots } from "../../../src/isa/index.ts";
import { book, describeWith } from "../../support/referee.ts";

const listing = book("p28-xlated.txt");
describeWith([listing], "the book's page 28", () => {
  it("is our listing of its two instructions", () => {
    const before = new ProgramBuilder().mov64(r1, 0).mov64(r2, 0).insns();
    const after = new ProgramBuilder().mov64(r2, r10).insns();
    const text = xlatedText(
      [...before, ...wideSlots(1, WideKind.mapFd, 158n), ...after],
      {},
      { opcodes: true },
    );
    expect(text.split("\n").slice(4).join("\n").trimEnd()).toBe(listing.text().trimEnd());
  });
});
