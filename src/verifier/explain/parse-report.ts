import type { LogReport, LogSource, ReportPlace } from "./log-model.ts";

const HEADER = /^Verification failed: ([^:]+)(?:: (.*))?$/;
const SECTION = /^(Reason|At|Causal path|Suggestion|Active lock):$/;
/** `>>> 4 | (79) r0 = …`, alone or beside a line of source. */
const INSTRUCTION = />>>\s+(\d+) \| \([0-9a-f]{2}\) (.*)$/;
const SOURCE_LINE = /^\s*>>>\s+(\d+) \| (?!\([0-9a-f]{2}\) )(.*?)\s*(?:>>>.*)?$/;
const PLACE = /^ {2}(?:\S+ @ )?([^\s:]+):(\d+):\d+$/;
const BARE_PLACE = /^ {2}insn (\d+)$/;
const ANNOTATION = /^\s*\| \s*\^-- ([a-z ]+): (.*)$/;
const CONTINUED = /^\s*\|\s{5,}(\S.*)$/;

/** Whether a report begins with this line. */
export function isReport(line: string): boolean {
  return HEADER.test(line);
}

/** Reads the report of a kernel from 7.3 on, from its header to its end. */
export function parseReport(lines: readonly string[]): LogReport {
  const header = HEADER.exec(lines[0] ?? "");
  const sections = new Map<string, string[]>();
  let section: string[] = [];
  for (const line of lines.slice(1)) {
    const title = SECTION.exec(line.trimEnd());
    if (title !== null) {
      section = [];
      sections.set(title[1]!, section);
    } else section.push(line);
  }
  const text = (name: string) =>
    (sections.get(name) ?? [])
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .join(" ");
  return {
    category: header?.[1] ?? "",
    problem: header?.[2] ?? "",
    reason: text("Reason"),
    suggestion: text("Suggestion"),
    at: placesOf(sections.get("At") ?? [])[0] ?? null,
    events: [...placesOf(sections.get("Active lock") ?? []), ...placesOf(sections.get("Causal path") ?? [])],
  };
}

function placesOf(lines: readonly string[]): ReportPlace[] {
  const places: ReportPlace[] = [];
  let reader = new PlaceReader(null);
  const finish = () => {
    const place = reader.result();
    if (place !== null) places.push(place);
  };
  for (const line of lines) {
    const place = PLACE.exec(line);
    const bare = BARE_PLACE.exec(line);
    if (place !== null || bare !== null) {
      finish();
      reader = new PlaceReader(place?.[1] ?? null);
      if (bare !== null) reader.index = Number(bare[1]);
    } else reader.line(line);
  }
  finish();
  return places;
}

/** One place: its lines of source and instructions, and the annotation. */
class PlaceReader {
  index: number | null = null;
  readonly #file: string | null;
  #text = "";
  #source: LogSource | null = null;
  #label = "";
  #words = "";

  constructor(file: string | null) {
    this.#file = file;
  }

  line(line: string): void {
    const instruction = INSTRUCTION.exec(line);
    if (instruction !== null) {
      this.index = Number(instruction[1]);
      this.#text = instruction[2]!.trimEnd();
    }
    const source = SOURCE_LINE.exec(line);
    if (source !== null) {
      this.#source = { text: source[2]!.trim(), file: this.#file, line: Number(source[1]), column: null };
    }
    const annotation = ANNOTATION.exec(line);
    if (annotation !== null) {
      this.#label = annotation[1]!;
      this.#words = annotation[2]!.trimEnd();
      return;
    }
    const more = CONTINUED.exec(line);
    if (more !== null && this.#words !== "" && !/>>>|\| \(/.test(more[1]!))
      this.#words += ` ${more[1]!.trim()}`;
  }

  result(): ReportPlace | null {
    if (this.index === null) return null;
    return {
      index: this.index,
      text: this.#text,
      source: this.#source,
      label: this.#label,
      words: this.#words,
    };
  }
}
