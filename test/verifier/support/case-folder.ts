import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readCaseFile } from "./case-file.ts";
import { readRecording } from "./recording.ts";
import type { RecordedCase, VerifierCase } from "./verifier-case.ts";

/** Where the cases lie, from the project's root. */
export const CASES = "testdata/verifier/cases";
export const RECORDED = "testdata/verifier/recorded";
export const RELEASE = "6.18";

/** The groups that have a file: `"dynptr"`. */
export function caseGroups(root = "."): string[] {
  const folder = join(root, CASES);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .map((name) => name.slice(0, -4))
    .sort();
}

export function readGroup(group: string, root = "."): VerifierCase[] {
  const file = join(CASES, `${group}.txt`);
  return readCaseFile(readFileSync(join(root, file), "utf8"), file, group);
}

export function recordingOf(group: string, release = RELEASE): string {
  return join(RECORDED, `linux-${release}`, `${group}.txt`);
}

/** All cases of all groups with what a release of Linux said to them. */
export function recordedCases(root = ".", release = RELEASE): RecordedCase[] {
  return caseGroups(root).flatMap((group) => {
    const path = join(root, recordingOf(group, release));
    const records = existsSync(path) ? readRecording(readFileSync(path, "utf8"), path) : new Map();
    return readGroup(group, root).map((test) => ({
      test,
      record: records.get(test.name.slice(group.length + 2)) ?? null,
    }));
  });
}
