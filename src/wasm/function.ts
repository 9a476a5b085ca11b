import { Checker } from "./checker.ts";
import { CodeBuffer } from "./code-buffer.ts";
import type { DataSegment, ElementSegment, Func, Global, Label, Local, Memory, Table } from "./entities.ts";
import { checkLimit, WasmError } from "./errors.ts";
import { instructionOf, naturalAlign, OP } from "./instructions.ts";
import { I32Ops, I64Ops } from "./integer-ops.ts";
import { LIMITS } from "./limits.ts";
import {
  type BlockType,
  type FuncType,
  type ReferenceType,
  VALUE_TYPE_CODE,
  type ValueType,
} from "./types.ts";

const SPACES = ["func", "global", "table"] as const;

/** How many imports precede what the module defines, by index space. */
export type ImportCounts = Readonly<Record<(typeof SPACES)[number], number>>;

/**
 * Builds the body of one function, instruction by instruction, straight into bytes. It is itself the
 * {@link Func} that calls, exports and tables name, before and after its body is written.
 *
 * Methods are named after the text format (`local.get` is `get`, `br_if` is `brIf`) and return the builder, so
 * that short sequences read in one line: `f.get(p).i32.const(8).i32.add().set(q)`. Blocks nest through
 * callbacks (`f.loop((again) => …)`) or, where the emitter must not recurse, through `openLoop()` and `end()`;
 * branches name labels and never depths. The body's last `end` is written when the module is finished.
 *
 * With checking on, each method validates and throws a {@link WasmError} where the mistake is made.
 */
export class FunctionBuilder implements Func {
  readonly kind = "func";
  readonly imported = false;
  readonly owner: object;
  readonly name: string;
  readonly ordinal: number;
  readonly type: FuncType;
  readonly params: readonly Local[];
  /** `i32.…` instructions. */
  readonly i32: I32Ops<FunctionBuilder>;
  /** `i64.…` instructions. */
  readonly i64: I64Ops<FunctionBuilder>;
  /** The function's own block: a branch to it returns. */
  readonly exit: Label;
  readonly #code = new CodeBuffer();
  readonly #locals: Local[] = [];
  readonly #labels: Label[] = [];
  readonly #checker: Checker | undefined;
  /** Where indices of defined entities stand: `offset * 4 + index space`. */
  readonly #fixups: number[] = [];
  readonly #references = new Set<Func>();
  #finished = false;

  /** Use {@link ModuleBuilder.function}. */
  constructor(owner: object, name: string, ordinal: number, type: FuncType, check: boolean) {
    this.owner = owner;
    this.name = name;
    this.ordinal = ordinal;
    this.type = type;
    this.params = type.params.map((param, index) => ({ owner: this, index, type: param, name: undefined }));
    this.exit = { kind: "function", height: 0 };
    this.#labels.push(this.exit);
    this.#checker = check ? new Checker(name, type, this.exit) : undefined;
    this.i32 = new I32Ops<FunctionBuilder>(this);
    this.i64 = new I64Ops<FunctionBuilder>(this);
  }

  /** Bytes of code written so far; a function may have {@link LIMITS.functionBytes}. */
  get size(): number {
    return this.#code.length;
  }

  /** Number of blocks open now. */
  get depth(): number {
    return this.#labels.length - 1;
  }

  /** Named parameters and all locals, for the name section. */
  get locals(): readonly Local[] {
    return this.#locals;
  }

  /** Functions that `ref.func` names here: the module must declare them. */
  get references(): ReadonlySet<Func> {
    return this.#references;
  }

  /** A new local variable, zero at the function's start. May be asked for at any point of the body. */
  local(type: ValueType, name?: string): Local {
    const index = this.params.length + this.#locals.length;
    if (index >= LIMITS.locals) checkLimit(`function ${this.name}: locals`, LIMITS.locals, index + 1);
    const local: Local = { owner: this, index, type, name };
    this.#locals.push(local);
    return local;
  }

  // Control

  /** `block … end` around what `body` emits; a branch to its label goes to the end. */
  block(body: (label: Label) => void, type?: BlockType): this {
    const label = this.openBlock(type);
    body(label);
    return this.#close(label);
  }

  /** `loop … end` around what `body` emits; a branch to its label starts it again. */
  loop(body: (label: Label) => void, type?: BlockType): this {
    const label = this.openLoop(type);
    body(label);
    return this.#close(label);
  }

  /** `if … else … end`, on the i32 on the stack. */
  if(then: (label: Label) => void, otherwise?: (label: Label) => void, type?: BlockType): this {
    let label = this.openIf(type);
    then(label);
    if (otherwise !== undefined) {
      this.#innermost(label);
      label = this.else();
      otherwise(label);
    }
    return this.#close(label);
  }

  /**
   * A `br_table`: runs `arms[targets[i]]` for the i32 `i` that `selector` leaves on the stack, or the last arm
   * where `i` is outside `targets`. Arms stand in order; one that does not branch to `done` falls into the next.
   */
  switch(selector: () => void, targets: readonly number[], arms: readonly ((done: Label) => void)[]): this {
    const done = this.openBlock();
    const labels = arms.map(() => this.openBlock()).reverse();
    selector();
    this.brTable(
      targets.map(
        (arm) => labels[arm] ?? this.#wrong(`switch: expected an arm below ${arms.length}, got ${arm}`),
      ),
      labels.at(-1) ?? this.#wrong("switch: expected at least one arm, got none"),
    );
    for (let i = 0; i < arms.length; i++) {
      this.#close(labels[i]!);
      arms[i]!(done);
    }
    return this.#close(done);
  }

  openBlock(type?: BlockType): Label {
    return this.#open(OP["block"], "block", type);
  }

  openLoop(type?: BlockType): Label {
    return this.#open(OP["loop"], "loop", type);
  }

  openIf(type?: BlockType): Label {
    return this.#open(OP["if"], "if", type);
  }

  /** Ends the first half of an `if`; returns the label of the second half. */
  else(): Label {
    this.#begin(OP["else"]);
    const height = this.#labels.length - 1;
    if (this.#labels[height]!.kind !== "if") {
      this.#wrong(`else: expected an open if, got a ${this.#labels[height]!.kind}`);
    }
    const label: Label = { kind: "else", height };
    this.#labels[height] = label;
    this.#checker?.otherwise(label);
    this.#code.u8(OP["else"]);
    return label;
  }

  /** Ends the innermost open block. */
  end(): this {
    this.#begin(OP["end"]);
    if (this.#labels.length <= 1) this.#wrong("end: no block is open");
    this.#checker?.end();
    this.#labels.pop();
    this.#code.u8(OP["end"]);
    return this;
  }

  br(label: Label): this {
    this.#begin(OP["br"]);
    const depth = this.#depthOf(label);
    this.#checker?.br(label);
    this.#code.u8(OP["br"]);
    this.#code.u32(depth);
    return this;
  }

  brIf(label: Label): this {
    this.#begin(OP["br_if"]);
    const depth = this.#depthOf(label);
    this.#checker?.brIf(label);
    this.#code.u8(OP["br_if"]);
    this.#code.u32(depth);
    return this;
  }

  /** Branches to `labels[i]` for the i32 `i` on the stack, or to `fallback` where it is outside. */
  brTable(labels: readonly Label[], fallback: Label): this {
    this.#begin(OP["br_table"]);
    checkLimit(`function ${this.name}: br_table entries`, LIMITS.branchTableEntries, labels.length);
    const depths = labels.map((label) => this.#depthOf(label));
    const last = this.#depthOf(fallback);
    this.#checker?.brTable(labels, fallback);
    this.#code.u8(OP["br_table"]);
    this.#code.u32(depths.length);
    for (const depth of depths) this.#code.u32(depth);
    this.#code.u32(last);
    return this;
  }

  return(): this {
    this.#begin(OP["return"]);
    this.#checker?.return();
    this.#code.u8(OP["return"]);
    return this;
  }

  unreachable(): this {
    this.#begin(OP["unreachable"]);
    this.#checker?.unreachable();
    this.#code.u8(OP["unreachable"]);
    return this;
  }

  nop(): this {
    return this.op(OP["nop"]);
  }

  call(callee: Func): this {
    this.#begin(OP["call"]);
    this.#own(callee);
    this.#checker?.call(callee.type);
    this.#code.u8(OP["call"]);
    this.#entity(callee);
    return this;
  }

  /** Calls the function at the i32 on the stack in `table` (the module's first where absent); traps on another type. */
  callIndirect(type: FuncType, table?: Table): this {
    this.#begin(OP["call_indirect"]);
    this.#checker?.pop("i32");
    this.#checker?.call(type);
    this.#indirect(OP["call_indirect"], type, table);
    return this;
  }

  /** A call in place of this function's frame (tail call); results must be the same. */
  returnCall(callee: Func): this {
    this.#begin(OP["return_call"]);
    this.#own(callee);
    this.#checker?.tailCall(callee.type);
    this.#code.u8(OP["return_call"]);
    this.#entity(callee);
    return this;
  }

  returnCallIndirect(type: FuncType, table?: Table): this {
    this.#begin(OP["return_call_indirect"]);
    this.#checker?.pop("i32");
    this.#checker?.tailCall(type);
    this.#indirect(OP["return_call_indirect"], type, table);
    return this;
  }

  // Values and variables

  drop(): this {
    this.#begin(OP["drop"]);
    this.#checker?.pop("any");
    this.#code.u8(OP["drop"]);
    return this;
  }

  /** Takes two values and an i32; gives the first where that is not zero, else the second. */
  select(): this {
    this.#begin(OP["select"]);
    this.#checker?.select();
    this.#code.u8(OP["select"]);
    return this;
  }

  get(local: Local): this {
    this.#begin(OP["local.get"]);
    if (this.#checker !== undefined) {
      this.#own(local);
      this.#checker.push(local.type);
    }
    this.#code.u8(OP["local.get"]);
    this.#code.u32(local.index);
    return this;
  }

  set(local: Local): this {
    this.#begin(OP["local.set"]);
    if (this.#checker !== undefined) {
      this.#own(local);
      this.#checker.pop(local.type);
    }
    this.#code.u8(OP["local.set"]);
    this.#code.u32(local.index);
    return this;
  }

  /** Sets a local and keeps the value on the stack. */
  tee(local: Local): this {
    this.#begin(OP["local.tee"]);
    if (this.#checker !== undefined) {
      this.#own(local);
      this.#checker.pop(local.type);
      this.#checker.push(local.type);
    }
    this.#code.u8(OP["local.tee"]);
    this.#code.u32(local.index);
    return this;
  }

  globalGet(global: Global): this {
    this.#begin(OP["global.get"]);
    this.#own(global);
    this.#checker?.push(global.type);
    this.#code.u8(OP["global.get"]);
    this.#entity(global);
    return this;
  }

  globalSet(global: Global): this {
    this.#begin(OP["global.set"]);
    this.#own(global);
    if (!global.mutable) this.#wrong(`global.set: global ${global.name} is not mutable`);
    this.#checker?.pop(global.type);
    this.#code.u8(OP["global.set"]);
    this.#entity(global);
    return this;
  }

  /** A signed or unsigned 32-bit constant. */
  i32Const(value: number): this {
    this.#begin(OP["i32.const"]);
    if (this.#checker !== undefined) {
      if (!(Number.isInteger(value) && value >= -0x8000_0000 && value <= 0xffff_ffff)) {
        this.#checker.fail(`expected a 32-bit integer, got ${value}`);
      }
      this.#checker.push("i32");
    }
    this.#code.u8(OP["i32.const"]);
    this.#code.s32(value | 0);
    return this;
  }

  /** A signed or unsigned 64-bit constant; numbers must be safe integers. */
  i64Const(value: number | bigint): this {
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) this.#wrong(`i64.const: expected a safe integer, got ${value}`);
      return this.i64ConstPair(value | 0, Math.floor(value / 0x1_0000_0000));
    }
    if (value < -0x8000_0000_0000_0000n || value > 0xffff_ffff_ffff_ffffn) {
      this.#wrong(`i64.const: expected a 64-bit integer, got ${value}`);
    }
    return this.i64ConstPair(Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
  }

  /** A 64-bit constant from its halves (of either sign). */
  i64ConstPair(low: number, high: number): this {
    this.#begin(OP["i64.const"]);
    this.#checker?.push("i64");
    this.#code.u8(OP["i64.const"]);
    this.#code.s64(low, high);
    return this;
  }

  /** Any instruction without immediate, by opcode: `f.op(OP["i64.add"])`. Not for control, `drop`, `select`. */
  op(code: number): this {
    this.#begin(code);
    if (this.#checker !== undefined) {
      if (instructionOf(code)?.immediate !== "none") this.#checker.fail("has its own method");
      this.#checker.plain(code);
    }
    this.#code.u8(code);
    return this;
  }

  // Memory

  /** Any memory access by opcode: `f.access(OP["i64.load8_u"], 14)`. `align` in bytes, natural where absent. */
  access(code: number, offset = 0, align?: number): this {
    this.#begin(code);
    const natural = naturalAlign(code);
    const log = align === undefined ? natural : 31 - Math.clz32(align);
    if (this.#checker !== undefined) {
      if (instructionOf(code)?.immediate !== "access") this.#checker.fail("is no memory access");
      if (!(Number.isInteger(offset) && offset >= 0 && offset <= 0xffff_ffff)) {
        this.#checker.fail(`expected an offset of 32 bits, got ${offset}`);
      }
      const exact = code >= 0x100;
      if (align !== undefined && (align !== 1 << log || log > natural || (exact && log !== natural))) {
        this.#checker.fail(
          `expected an alignment of ${exact ? "" : "at most "}${1 << natural}, got ${align}`,
        );
      }
      this.#checker.plain(code);
    }
    if (code >= 0x100) this.#code.u8(code >> 8);
    this.#code.u8(code & 0xff);
    this.#code.u8(log);
    this.#code.u32(offset);
    return this;
  }

  /** Pages of 64 KiB. */
  memorySize(): this {
    return this.#zeros(OP["memory.size"], 1);
  }

  /** Takes pages to add; gives the old size, or -1. */
  memoryGrow(): this {
    return this.#zeros(OP["memory.grow"], 1);
  }

  /** Takes address, byte, length. */
  memoryFill(): this {
    return this.#zeros(OP["memory.fill"], 1);
  }

  /** Takes destination, source, length; they may overlap. */
  memoryCopy(): this {
    return this.#zeros(OP["memory.copy"], 2);
  }

  /** Takes destination, offset in the segment, length. */
  memoryInit(segment: DataSegment): this {
    this.#prefixed(OP["memory.init"]);
    this.#ownSegment(segment);
    this.#code.u32(segment.index);
    this.#code.u8(0);
    return this;
  }

  dataDrop(segment: DataSegment): this {
    this.#prefixed(OP["data.drop"]);
    this.#ownSegment(segment);
    this.#code.u32(segment.index);
    return this;
  }

  // Atomics without a width of their own

  atomicFence(): this {
    this.#prefixed(OP["atomic.fence"]);
    this.#code.u8(0);
    return this;
  }

  /** Takes address and count; gives the number of waiters woken. */
  atomicNotify(offset = 0): this {
    return this.access(OP["memory.atomic.notify"], offset);
  }

  /**
   * Takes address, expected i32, timeout in ns (i64, negative: none); gives 0 woken, 1 not equal, 2 timed out.
   *
   * Emit it as the only work of a function of its own and call that: the baseline compiler of V8 11.3 (Node 20)
   * does not save registers around it, so that other locals and operands of the same function change value.
   */
  atomicWait32(offset = 0): this {
    return this.access(OP["memory.atomic.wait32"], offset);
  }

  /** As {@link atomicWait32}, with an i64 expected. */
  atomicWait64(offset = 0): this {
    return this.access(OP["memory.atomic.wait64"], offset);
  }

  // Tables and references

  tableGet(table: Table): this {
    this.#begin(OP["table.get"]);
    this.#checker?.pop("i32");
    this.#checker?.push(table.type);
    return this.#table(OP["table.get"], table);
  }

  /** Takes index and reference. */
  tableSet(table: Table): this {
    this.#begin(OP["table.set"]);
    this.#checker?.pop(table.type);
    this.#checker?.pop("i32");
    return this.#table(OP["table.set"], table);
  }

  tableSize(table: Table): this {
    this.#begin(OP["table.size"]);
    this.#checker?.push("i32");
    return this.#table(OP["table.size"], table);
  }

  /** Takes a reference to fill with and a count; gives the old size, or -1. */
  tableGrow(table: Table): this {
    this.#begin(OP["table.grow"]);
    this.#checker?.pop("i32");
    this.#checker?.pop(table.type);
    this.#checker?.push("i32");
    return this.#table(OP["table.grow"], table);
  }

  /** Takes index, reference, count. */
  tableFill(table: Table): this {
    this.#begin(OP["table.fill"]);
    this.#checker?.pop("i32");
    this.#checker?.pop(table.type);
    this.#checker?.pop("i32");
    return this.#table(OP["table.fill"], table);
  }

  /** Takes destination, source, length. */
  tableCopy(destination: Table, source: Table): this {
    this.#prefixed(OP["table.copy"]);
    this.#own(destination);
    this.#own(source);
    this.#entity(destination);
    this.#entity(source);
    return this;
  }

  /** Takes destination, offset in the segment, length. */
  tableInit(table: Table, segment: ElementSegment): this {
    this.#prefixed(OP["table.init"]);
    this.#own(table);
    this.#ownSegment(segment);
    this.#code.u32(segment.index);
    this.#entity(table);
    return this;
  }

  elemDrop(segment: ElementSegment): this {
    this.#prefixed(OP["elem.drop"]);
    this.#ownSegment(segment);
    this.#code.u32(segment.index);
    return this;
  }

  refFunc(func: Func): this {
    this.#begin(OP["ref.func"]);
    this.#own(func);
    this.#checker?.push("funcref");
    this.#references.add(func);
    this.#code.u8(OP["ref.func"]);
    this.#entity(func);
    return this;
  }

  refNull(type: ReferenceType = "funcref"): this {
    this.#begin(OP["ref.null"]);
    this.#checker?.push(type);
    this.#code.u8(OP["ref.null"]);
    this.#code.u8(VALUE_TYPE_CODE[type]);
    return this;
  }

  refIsNull(): this {
    this.#begin(OP["ref.is_null"]);
    if (this.#checker !== undefined) {
      const type = this.#checker.pop("any");
      if (type === "i32" || type === "i64")
        this.#checker.fail(`expected a reference on the stack, got ${type}`);
      this.#checker.push("i32");
    }
    this.#code.u8(OP["ref.is_null"]);
    return this;
  }

  // Finishing

  /**
   * Ends the body and writes it to `out` as an entry of the code section. Called by the module builder, once it
   * knows all imports; later instructions are errors.
   */
  encodeTo(out: CodeBuffer, imports: ImportCounts): void {
    if (!this.#finished) this.#finish(imports);
    const header = this.#encodeLocals();
    const size = header.length + this.#code.length;
    checkLimit(`function ${this.name}: body bytes`, LIMITS.functionBytes, size);
    out.u32(size);
    out.raw(header);
    out.raw(this.#code.view());
  }

  #finish(imports: ImportCounts): void {
    if (this.#code.length === 0) {
      throw new WasmError("has no body: write nop where it shall be empty", { function: this.name });
    }
    this.#begin(OP["end"]);
    if (this.#labels.length !== 1) {
      this.#wrong(`end: expected all blocks closed, got ${this.#labels.length - 1} open`);
    }
    this.#checker?.end();
    this.#code.u8(OP["end"]);
    for (const fixup of this.#fixups) {
      const at = Math.floor(fixup / 4);
      this.#code.patchPadded(at, this.#code.paddedAt(at) + imports[SPACES[fixup & 3]!]);
    }
    this.#finished = true;
  }

  /** Locals as runs of one type (specification 5.5.13). */
  #encodeLocals(): Uint8Array {
    const runs = new CodeBuffer();
    let count = 0;
    for (let i = 0; i < this.#locals.length; ) {
      const type = this.#locals[i]!.type;
      const start = i;
      while (i < this.#locals.length && this.#locals[i]!.type === type) i++;
      runs.u32(i - start);
      runs.u8(VALUE_TYPE_CODE[type]);
      count++;
    }
    const header = new CodeBuffer(runs.length + 5);
    header.u32(count);
    header.raw(runs.view());
    return header.finish();
  }

  #begin(code: number): void {
    if (this.#code.length > LIMITS.functionBytes) {
      checkLimit(`function ${this.name}: body bytes`, LIMITS.functionBytes, this.#code.length);
    }
    if (this.#finished) this.#wrong("the module is finished");
    if (this.#checker !== undefined) this.#checker.at(code, this.#code.length);
  }

  #wrong(problem: string): never {
    throw new WasmError(problem, { function: this.name, offset: this.#code.length });
  }

  #open(code: number, kind: Label["kind"], type: BlockType): Label {
    this.#begin(code);
    const label: Label = { kind, height: this.#labels.length };
    this.#labels.push(label);
    this.#checker?.enter(label, type);
    this.#code.u8(code);
    if (type === undefined) this.#code.u8(0x40);
    else if (typeof type === "string") this.#code.u8(VALUE_TYPE_CODE[type]);
    else this.#code.s32(type.index);
    return label;
  }

  #close(label: Label): this {
    this.#innermost(label);
    return this.end();
  }

  #innermost(label: Label): void {
    if (this.#labels.at(-1) !== label) {
      this.#wrong(`the callback of a ${label.kind} left another block open or ended its own`);
    }
  }

  #depthOf(label: Label): number {
    if (this.#labels[label.height] !== label) this.#wrong(`branch to a ${label.kind} that is not open here`);
    return this.#labels.length - 1 - label.height;
  }

  #own(entity: Func | Global | Table | Memory | Local): void {
    const owner = "kind" in entity ? this.owner : this;
    if (entity.owner !== owner)
      this.#wrong(`${entity.name ?? `local ${(entity as Local).index}`} is of another module or function`);
  }

  #ownSegment(segment: DataSegment | ElementSegment): void {
    if (segment.owner !== this.owner) this.#wrong(`segment ${segment.index} is of another module`);
  }

  /** The index of an entity; that of a defined one in a fixed width, as imports may still be added. */
  #entity(entity: Func | Global | Table): void {
    if (entity.imported) {
      this.#code.u32(entity.ordinal);
      return;
    }
    const space = entity.kind === "func" ? 0 : entity.kind === "global" ? 1 : 2;
    this.#fixups.push(this.#code.length * 4 + space);
    this.#code.padded(entity.ordinal);
  }

  #indirect(code: number, type: FuncType, table: Table | undefined): void {
    this.#code.u8(code);
    this.#code.u32(type.index);
    if (table === undefined) {
      this.#code.u8(0);
      return;
    }
    this.#own(table);
    this.#entity(table);
  }

  #table(code: number, table: Table): this {
    this.#own(table);
    if (code >= 0x100) this.#code.u8(code >> 8);
    this.#code.u8(code & 0xff);
    this.#entity(table);
    return this;
  }

  #prefixed(code: number): void {
    this.#begin(code);
    this.#checker?.plain(code);
    if (code >= 0x100) this.#code.u8(code >> 8);
    this.#code.u8(code & 0xff);
  }

  #zeros(code: number, count: number): this {
    this.#prefixed(code);
    for (let i = 0; i < count; i++) this.#code.u8(0);
    return this;
  }
}
