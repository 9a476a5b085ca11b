import { afterAll, expect, it } from "vitest";
import { describeWith, liveKernel } from "../support/referee.ts";
import { debugFields, loadFields, loadSample } from "./programs.ts";
import { type Fields, room, Twins } from "./twins.ts";

const LOG_SIZE = 4096;
/** Not two, and none of the standard streams. */
const NOT_OPEN = 7777;

/** Programs that something else is wrong with, or nothing; the last with a wide load that is cut off. */
const BODIES: Readonly<Record<string, string>> = {
  good: "r0 = 1\nexit",
  "a jump out of range": "if r0 == 0 goto +9\nr0 = 0\nexit",
  "a call out of range": "call pc+9\nr0 = 0\nexit",
  "two functions": "call pc+1\nexit\nr0 = 0\nexit",
  "no end": "r0 = 0\nr1 = 0",
  unread: "r0 = r9\nexit",
};
const HALF_A_WIDE_LOAD = Uint8Array.from([
  0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0, 0x18, 1, 0, 0, 0, 0, 0, 0,
]);

describeWith([liveKernel("6.18")], "types and records of a load, with its log, as on Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const { btf, types, strings } = loadSample(twins);
  const line = (slot: number) => [slot, strings.file, strings.line, 5 << 10] as const;
  const good = debugFields(btf, [[0, types.main]], [line(0)]);
  const core = (words: readonly number[], more: Fields = {}): Fields => ({
    ...good,
    coreRelos: new Uint8Array(Uint32Array.from(words).buffer),
    coreReloCnt: 1,
    coreReloRecSize: words.length * 4,
    ...more,
  });
  const records: Readonly<Record<string, Fields>> = {
    none: {},
    good,
    "no types": { ...good, progBtfFd: 0 },
    "types that are not there": { ...good, progBtfFd: NOT_OPEN },
    "a function of another type": debugFields(btf, [[0, types.int]]),
    "a function of no type": debugFields(btf, [[0, 99]]),
    "a first function elsewhere": debugFields(btf, [[1, types.main]]),
    "two functions at one place": debugFields(btf, [
      [0, types.main],
      [0, types.sub],
    ]),
    "two functions": debugFields(btf, [
      [0, types.main],
      [2, types.sub],
    ]),
    "functions that cannot be read": { ...good, funcInfo: 0x10 },
    ...Object.fromEntries(
      [0, 4, 7, 9, 256].map((size) => [
        `functions of ${size} bytes`,
        { ...good, funcInfoRecSize: size, funcInfo: room(512) },
      ]),
    ),
    "a function with something behind": {
      ...good,
      funcInfoRecSize: 12,
      funcInfo: new Uint8Array(Uint32Array.of(0, types.main, 1).buffer),
    },
    "lines alone": debugFields(btf, [], [line(0)]),
    "no first line": debugFields(btf, [[0, types.main]], [line(1)]),
    "a line behind the program": debugFields(btf, [[0, types.main]], [line(0), line(9)]),
    "a line twice": debugFields(btf, [[0, types.main]], [line(0), line(0)]),
    "a line without text": debugFields(btf, [[0, types.main]], [[0, strings.file, 9999, 1]]),
    "a missing line, and a bad one": debugFields(btf, [[0, types.main]], [line(1), [2, 9999, 9999, 1]]),
    "lines that cannot be read": { ...good, lineInfo: 0x10 },
    ...Object.fromEntries(
      [0, 12, 17, 256].map((size) => [
        `lines of ${size} bytes`,
        { ...good, lineInfoRecSize: size, lineInfo: room(512) },
      ]),
    ),
    "a line with something behind": {
      ...good,
      lineInfoRecSize: 20,
      lineInfo: new Uint8Array(Uint32Array.of(...line(0), 1).buffer),
    },
    "a relocation between instructions": core([4, types.int, 0, 0]),
    "a relocation of no type": core([0, 99, 0, 0]),
    "a relocation with something behind": core([0, types.int, 0, 0, 1]),
    "relocations that cannot be read": core([0, types.int, 0, 0], { coreRelos: 0x10 }),
    "a relocation alone": { coreRelos: new Uint8Array(16).fill(255), coreReloCnt: 1, coreReloRecSize: 16 },
  };
  const descriptors: Readonly<Record<string, Fields>> = {
    "": {},
    "with a bad descriptor": { fdArray: new Uint8Array(Int32Array.of(NOT_OPEN).buffer), fdArrayCnt: 1 },
    "with descriptors that cannot be read": { fdArray: 0x10, fdArrayCnt: 1 },
  };

  it.each([0, 1, 2, 4])("level %i", (logLevel) => {
    const log: Fields = logLevel === 0 ? {} : { logLevel, logSize: LOG_SIZE };
    const differing: string[] = [];
    const bodies = Object.entries(BODIES).map(
      ([name, text]) => [name, loadFields("socket_filter", text)] as const,
    );
    const torn = { ...loadFields("socket_filter", "r0 = 1\nexit"), insns: HALF_A_WIDE_LOAD, insnCnt: 3 };
    for (const [body, base] of [...bodies, ["half a wide load", torn] as const]) {
      for (const [what, fields] of Object.entries(records)) {
        for (const [how, array] of Object.entries(descriptors)) {
          const buffer = logLevel === 0 ? {} : { logBuf: room(LOG_SIZE) };
          const program = twins.open(
            "PROG_LOAD",
            { ...base, ...log, ...buffer, ...fields, ...array },
            // Times differ.
            { ignore: ["insns", "fdArray", ...(logLevel === 4 ? ["logBuf", "logTrueSize"] : [])] },
          );
          if (program !== null) twins.close(program);
          for (const difference of twins.taken()) {
            if (!sameText(difference)) differing.push(`${body}, ${what} ${how}: ${difference}`);
          }
        }
      }
    }
    expect(differing).toEqual([]);
  });
});

/** Linux leaves what it took back behind the text's end. */
function sameText(difference: string): boolean {
  const rest = difference.replace(
    /\n {2}logBuf: embedded ([0-9a-f]+), linux ([0-9a-f]+)/,
    (whole, ours, theirs) => (textOf(ours) === textOf(theirs) ? "" : whole),
  );
  return !rest.includes("\n");
}

function textOf(hex: string): string {
  return Buffer.from(hex, "hex").toString("latin1").split("\0")[0]!;
}
