import { type InsnRow, ROWS } from "../../isa/index.ts";
import { atomicWord, operationName } from "../symbols.ts";

const LETTERS: Readonly<Record<number, string>> = { 1: "b", 2: "h", 4: "w", 8: "dw" };

/** The word that an instruction is written with; behind `lock` or `lock fetch` for atomics, `call` for calls. */
export function mnemonicOf(row: InsnRow): string {
  const name = operationName(row);
  const narrow = row.width === 32 ? "32" : "";
  const letter = LETTERS[row.size] ?? "";
  switch (row.kind) {
    case "alu":
      return row.extend === 0 ? `${name}${narrow}` : `movsx${row.extend}${row.width}`;
    case "neg":
    case "branch":
      return `${name}${narrow}`;
    case "goto":
      return `ja${narrow}`;
    case "load":
      return `${row.extend === 0 ? "ldx" : "ldxs"}${letter}`;
    case "store":
      return `${row.source === "imm" ? "st" : "stx"}${letter}`;
    case "packet":
      return `${row.source === "reg" ? "ldind" : "ldabs"}${letter}`;
    case "loadAcquire":
      return `load_acquire${letter}`;
    case "storeRelease":
      return `store_release${letter}`;
    case "atomic":
      return `${atomicWord(row) ?? name}${narrow}`;
    case "wide":
      return "lddw";
    default:
      return row.name;
  }
}

/** How instructions with the same word differ: by the kind of their last operand. */
export interface Forms {
  readonly imm?: InsnRow;
  readonly reg?: InsnRow;
  readonly none?: InsnRow;
}

interface Words {
  /** Words at the start of a line. */
  readonly plain: ReadonlyMap<string, Forms>;
  /** Words behind `lock`, and behind `lock fetch`. */
  readonly lock: ReadonlyMap<string, InsnRow>;
  readonly fetch: ReadonlyMap<string, InsnRow>;
}

function collect(): Words {
  const plain = new Map<string, Forms>();
  const lock = new Map<string, InsnRow>();
  const fetch = new Map<string, InsnRow>();
  for (const row of ROWS) {
    if (row.guard !== "none" || row.kind === "call" || row.kind === "wide") continue;
    const mnemonic = mnemonicOf(row);
    if (row.kind === "atomic") {
      (row.fetch && atomicWord(row) !== undefined ? fetch : lock).set(mnemonic, row);
      continue;
    }
    plain.set(mnemonic, { ...plain.get(mnemonic), [row.source]: row });
  }
  return { plain, lock, fetch };
}

export const WORDS: Words = collect();

/** Other spellings: `swap16` of the conformance suite, and the explicit width of 64 bits. */
export function canonicalWord(word: string): string {
  if (word.startsWith("swap")) return `b${word}`;
  if (word.endsWith("64") && WORDS.plain.get(word) === undefined) return word.slice(0, -2);
  return word;
}
