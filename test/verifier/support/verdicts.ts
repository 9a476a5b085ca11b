import { Errno, errnoName } from "../../../src/uapi/index.ts";

/** What a kernel says to a program, in short. */
export interface CaseVerdict {
  /** 0: accepted; null: this kernel lacks what the case is about (a function to attach to, a type of map). */
  readonly errno: number | null;
  /** The last line of its log before the statistics; why it cannot be asked, where `errno` is null. */
  readonly line: string;
}

/** One line for each case: its name, the verdict, the kernel's last word; tabs between. */
export function writeVerdicts(release: string, verdicts: ReadonlyMap<string, CaseVerdict>): string {
  const lines = [
    `# What Linux ${release} says to all cases, in short. Written by \`node scripts/run.mjs record-verdicts\`; do not edit.`,
  ];
  for (const [name, { errno, line }] of verdicts) {
    const said = errno === null ? "not asked" : errno === 0 ? "accepted" : errnoName(errno);
    lines.push([name, said, errno === 0 ? "" : line].join("\t").trimEnd());
  }
  return `${lines.join("\n")}\n`;
}

export function readVerdicts(text: string): Map<string, CaseVerdict> {
  const verdicts = new Map<string, CaseVerdict>();
  for (const row of text.split("\n")) {
    const [name, said, line = ""] = row.split("\t");
    if (said === undefined || row.startsWith("#")) continue;
    verdicts.set(name!, { errno: errnoOf(said), line });
  }
  return verdicts;
}

function errnoOf(said: string): number | null {
  if (said === "accepted") return 0;
  if (said === "not asked") return null;
  const known = (Errno as Readonly<Record<string, number>>)[said] ?? Number(/^errno (\d+)$/.exec(said)?.[1]);
  if (Number.isNaN(known)) throw new Error(`there is no errno '${said}'`);
  return known;
}
