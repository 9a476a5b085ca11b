import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decode, slotsOf } from "../../../src/isa/index.ts";
import { caseGroups, readGroup, recordedCases, recordingOf } from "../support/case-folder.ts";
import { processedOf } from "../support/compare.ts";
import { maskLog, maskXlated } from "../support/mask.ts";
import { readRecording, writeRecording } from "../support/recording.ts";

describe.each(caseGroups())("the cases of %s", (group) => {
  const cases = readGroup(group);
  const path = recordingOf(group);

  it("have a recorded answer", () => {
    expect(existsSync(path), `${path}: npm run record:verifier -- ${group}`).toBe(true);
    const records = readRecording(readFileSync(path, "utf8"), path);
    const names = cases.map(({ name }) => name.slice(group.length + 2));
    expect([...records.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });

  it("are whole programs whose references point at instructions", () => {
    for (const { name, insns, references, maps } of cases) {
      const slots = decode(insns);
      const starts = new Set<number>();
      for (let at = 0; at < slots.length; at += slotsOf(slots[at]!)) starts.add(at);
      for (const reference of references) {
        expect(starts.has(reference.slot), name).toBe(true);
        if (reference.kind === "map") expect(maps[reference.map], name).toBeDefined();
      }
    }
  });

  it("have recordings that read as they were written", () => {
    const text = readFileSync(path, "utf8");
    const records = readRecording(text, path);
    expect(writeRecording("6.18", records)).toBe(text);
  });
});

describe("recorded answers", () => {
  const recorded = recordedCases().flatMap(({ test, record }) => (record === null ? [] : [{ test, record }]));

  it("are of accepted and of rejected programs", () => {
    const accepted = recorded.filter(({ record }) => record.errno === 0).length;
    expect(accepted).toBeGreaterThan(0);
    expect(recorded.length - accepted).toBeGreaterThan(0);
  });

  it("are masked already", () => {
    for (const { test, record } of recorded) {
      for (const log of [record.stats, record.level1, record.level2]) {
        if (log !== null) expect(maskLog(log, test, null), test.name).toBe(log);
      }
      if (record.xlated !== null) expect(maskXlated(record.xlated, test), test.name).toEqual(record.xlated);
    }
  });

  it("say how many instructions were processed, and have a program where accepted", () => {
    for (const { test, record } of recorded) {
      expect(record.xlated !== null, test.name).toBe(record.errno === 0);
      if (record.errno === 0)
        expect(processedOf(record.level1 ?? record.stats ?? ""), test.name).toMatch(/^\d+$/);
    }
  });
});
