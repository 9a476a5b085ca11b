import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { livePort } from "../../support/live-port.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { readCase } from "./case-text.ts";
import { inputsOf } from "./input.ts";
import { withLaboratories } from "./laboratories.ts";
import { runSlice } from "./slice.ts";
import { tryProgram } from "./trial.ts";

const KEPT = new URL("../../../testdata/fuzz/engines/", import.meta.url);

const { port, why } = await livePort();

describeWith(
  [liveKernel("6.18"), { present: port !== null, why: why ?? "" }],
  "random programs on Linux",
  () => {
    it("come to the same as on all engines", async () => {
      const slice = { seed: 5, from: 0, count: 300, runs: 10, live: true, wild: false, milliseconds: 20_000 };
      const result = await withLaboratories(slice, (laboratories) => runSlice(slice, laboratories));
      if (result instanceof Error) throw result;
      expect(result.found.map(({ title, text }) => `${title}\n${text}`)).toEqual([]);
      expect(result.faults).toBe(0);
      // Linux has bugs of its own that some programs meet: EFAULT with the words "verifier bug".
      const refused = Object.values(result.refused).reduce((sum, count) => sum + count, 0);
      expect(result.programs).toBeGreaterThan(10 * refused);
    }, 60_000);

    const files = readdirSync(KEPT).filter((file) => file.endsWith(".txt"));
    it.each(files)("%s does", async (file) => {
      const { note, program, seed, index, runs } = readCase(readFileSync(new URL(file, KEPT), "utf8"));
      if (note.startsWith("Open")) return;
      const trial = await withLaboratories({ live: true, wild: false }, (laboratories) =>
        tryProgram(program, inputsOf(seed, index, runs), laboratories),
      );
      expect(trial).toEqual({ difference: null, fault: null, refused: null });
    });
  },
);
