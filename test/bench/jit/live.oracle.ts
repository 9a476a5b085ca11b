import { afterEach, describe, expect, it } from "vitest";
import { disagreement } from "../../../bench/jit/agreement.ts";
import type { Absence, Contender } from "../../../bench/jit/contender.ts";
import { embedded, live } from "../../../bench/jit/in-kernel.ts";
import { NativeCode } from "../../../bench/jit/native.ts";
import { PROGRAMS } from "../../../bench/jit/programs.ts";
import { BpfCommands } from "../../../src/sys/index.ts";
import { livePort } from "../../support/live-port.ts";

const linux = await livePort();
const contenders: Contender[] = [];
afterEach(() => {
  for (const contender of contenders.splice(0)) contender[Symbol.dispose]();
});

const isAbsent = (one: Contender | Absence): one is Absence => "why" in one;
const isPresent = (one: Contender | Absence): one is Contender => !isAbsent(one);

describe.skipIf(linux.port === null)(`programs of the benchmark on Linux${linux.why ?? ""}`, () => {
  it.each(PROGRAMS)("$name: results and maps are those of the JIT", (program) => {
    const real = live(program, new BpfCommands(linux.port!));
    expect(isAbsent(real)).toBe(false);
    const all = [real, embedded(program, "jit"), embedded(program, "interp")];
    contenders.push(...all.filter(isPresent));
    expect(disagreement(program, contenders)).toBeNull();
  });

  it("also those of the machine's own code", async ({ skip }) => {
    const native = await NativeCode.create();
    if (typeof native === "string") return skip(native);
    using code = native;
    for (const program of PROGRAMS.filter(({ mapFree }) => mapFree)) {
      for (const one of [live(program, new BpfCommands(linux.port!)), code.contender(program)]) {
        expect(one, program.name).not.toHaveProperty("why");
        contenders.push(one as Contender);
      }
      expect(disagreement(program, contenders), program.name).toBeNull();
      for (const contender of contenders.splice(0)) contender[Symbol.dispose]();
    }
  });
});
