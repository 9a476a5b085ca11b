import type { Explanation, ExplanationStep } from "./explanation.ts";
import type { LogSource } from "./log-model.ts";

const SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json";

/** Refusals that no rule knows, and programs that never came to the verifier. */
const WITHOUT_PAGE: ReadonlySet<string> = new Set(["unknown", "not-verified"]);

/** A refused program with its explanation. */
export interface SarifSubject {
  readonly program: string;
  /** The object file, or the log: stands in for sources that are not known. */
  readonly file: string;
  readonly explanation: Explanation;
}

/** A SARIF 2.1.0 log (OASIS) with a result for each refused program: the chain is its code flow. */
export function sarifLog(subjects: readonly SarifSubject[], tool: { readonly version: string }): object {
  const codes = [...new Set(subjects.map(({ explanation }) => explanation.code))];
  return {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "tsbpf verify",
            semanticVersion: tool.version,
            rules: codes.map((code) => ({
              id: code,
              shortDescription: { text: firstOf(subjects, code) },
              ...(WITHOUT_PAGE.has(code)
                ? {}
                : { help: { text: `The catalogue of tsbpf has a page for it: docs/verifier/${code}.md` } }),
              defaultConfiguration: { level: "error" },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: subjects.map((subject) => resultOf(subject, codes)),
      },
    ],
  };
}

function firstOf(subjects: readonly SarifSubject[], code: string): string {
  return `${subjects.find(({ explanation }) => explanation.code === code)?.explanation.headline ?? code}.`;
}

function resultOf({ program, file, explanation }: SarifSubject, codes: readonly string[]): object {
  const { code, headline, message, fixes, why, instruction, source } = explanation;
  const lines = [
    `${program}: ${headline}.`,
    ...fixes.map((each) => (each.code === null ? each.text : `${each.text}\n${each.code}`)),
    ...(message === "" ? [] : [`The kernel's words: ${message}`]),
  ];
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: "error",
    message: { text: lines.join("\n\n") },
    locations: [locationOf(source, file, instruction === null ? undefined : instruction.index, program)],
    ...(why.length < 2
      ? {}
      : { codeFlows: [{ threadFlows: [{ locations: why.map((step) => stepOf(step, file, program)) }] }] }),
    partialFingerprints: { "program/v1": `${program}:${code}` },
  };
}

function stepOf(step: ExplanationStep, file: string, program: string): object {
  return {
    location: { ...locationOf(step.source, file, step.instruction, program), message: { text: step.text } },
    importance: step.role === "lost" || step.role === "used" ? "essential" : "important",
  };
}

function locationOf(
  source: LogSource | null,
  file: string,
  slot: number | undefined,
  program: string,
): object {
  const known = source !== null && source.file !== null && source.line !== null;
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(known ? source.file! : file) },
      ...(known
        ? {
            region: {
              startLine: source.line!,
              ...(source.column === null ? {} : { startColumn: source.column }),
              ...(source.text === "" ? {} : { snippet: { text: source.text } }),
            },
          }
        : {}),
    },
    logicalLocations: [
      {
        name: program,
        kind: "function",
        ...(slot === undefined ? {} : { fullyQualifiedName: `${program}+${slot}` }),
      },
    ],
  };
}

/** A relative or absolute path as a URI reference. */
function uriOf(path: string): string {
  const escaped = path
    .split("/")
    .map((part) => encodeURIComponent(part))
    .join("/");
  return path.startsWith("/") ? `file://${escaped}` : escaped.replace(/^\.\//, "");
}
