import type { Insn } from "./insn.ts";
import type { InsnRow } from "./row.ts";
import { ROWS } from "./table.ts";

const BY_OPCODE = 0;
const BY_SRC = 1;
const BY_OFF = 2;
const BY_IMM = 3;

/** The rows of one opcode, with the field that tells them apart. */
interface Entry {
  readonly by: number;
  /** Indexed by the field's value + 1 (`off` may be -1); by 0 where one row has the opcode for itself. */
  readonly rows: readonly (InsnRow | undefined)[];
}

const BY_NUMBER: ReadonlyMap<number, readonly InsnRow[]> = groupByOpcode();

function groupByOpcode(): Map<number, InsnRow[]> {
  const groups = new Map<number, InsnRow[]>();
  for (const row of ROWS) {
    const group = groups.get(row.opcode);
    if (group === undefined) groups.set(row.opcode, [row]);
    else group.push(row);
  }
  return groups;
}

/** All rows that share an opcode, in the table's order: the plainest first. Empty where no instruction has it. */
export function rowsOfOpcode(opcode: number): readonly InsnRow[] {
  return BY_NUMBER.get(opcode) ?? [];
}

const DISPATCH: readonly (Entry | undefined)[] = buildDispatch();

function buildDispatch(): (Entry | undefined)[] {
  const dispatch = new Array<Entry | undefined>(256).fill(undefined);
  for (const [opcode, rows] of BY_NUMBER) dispatch[opcode] = entryOf(rows);
  return dispatch;
}

function entryOf(rows: readonly InsnRow[]): Entry {
  if (rows.length === 1) return { by: BY_OPCODE, rows };
  const field = (["src", "off", "imm"] as const).find(
    (name) => new Set(rows.map((row) => row[name])).size > 1,
  );
  if (field === undefined)
    throw new Error(`instruction table: nothing tells ${rows[0]!.name} from ${rows[1]!.name}`);
  const table: (InsnRow | undefined)[] = [];
  const put = (value: number, row: InsnRow): void => {
    while (table.length <= value + 1) table.push(undefined);
    if (table[value + 1] !== undefined) throw new Error(`instruction table: ${row.name} is ambiguous`);
    table[value + 1] = row;
  };
  for (const row of rows) {
    const rule = row[field];
    if (typeof rule === "number") put(rule, row);
    // The register number of an old callx; 0 is shared with the row that has no immediate.
    else for (let register = 1; register <= 10; register++) put(register, row);
  }
  return { by: field === "src" ? BY_SRC : field === "off" ? BY_OFF : BY_IMM, rows: table };
}

/**
 * The row of an instruction, chosen by its opcode and the field that subdivides it (`src` of calls and wide loads,
 * `off` of mov and division, `imm` of atomics and byte swaps). `undefined` where there is no such instruction, and
 * for the second slot of a wide load. Reserved fields are not looked at: `checkForm` does that.
 */
export function lookup(insn: Insn): InsnRow | undefined {
  const entry = DISPATCH[insn.opcode];
  if (entry === undefined) return undefined;
  switch (entry.by) {
    case BY_OPCODE:
      return entry.rows[0];
    case BY_SRC:
      return entry.rows[insn.src + 1];
    case BY_OFF:
      return entry.rows[insn.off + 1];
    default:
      return entry.rows[insn.imm + 1];
  }
}

const BY_NAME: ReadonlyMap<string, InsnRow> = new Map(ROWS.map((row) => [row.name, row]));

/** The row with this name (`"add64_x"`); throws where there is none, which is a mistake of the caller. */
export function rowNamed(name: string): InsnRow {
  const row = BY_NAME.get(name);
  if (row === undefined) throw new Error(`no instruction is named ${name}`);
  return row;
}

/** The row with this name, where the name comes from outside. */
export function findRow(name: string): InsnRow | undefined {
  return BY_NAME.get(name);
}
