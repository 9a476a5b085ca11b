import { ControlBuilder } from "./control-builder.ts";
import type { DataSegment, ElementSegment, Func, Global, Local, Table } from "./entities.ts";
import { instructionOf, naturalAlign, OP } from "./instructions.ts";
import { I32Ops, I64Ops } from "./integer-ops.ts";
import { type FuncType, type ReferenceType, VALUE_TYPE_CODE } from "./types.ts";

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
export class FunctionBuilder extends ControlBuilder {
  /** `i32.…` instructions. */
  readonly i32: I32Ops<FunctionBuilder>;
  /** `i64.…` instructions. */
  readonly i64: I64Ops<FunctionBuilder>;

  /** Use {@link ModuleBuilder.function}. */
  constructor(owner: object, name: string, ordinal: number, type: FuncType, check: boolean) {
    super(owner, name, ordinal, type, check);
    this.i32 = new I32Ops<FunctionBuilder>(this);
    this.i64 = new I64Ops<FunctionBuilder>(this);
  }

  nop(): this {
    return this.op(OP["nop"]);
  }

  // Values and variables

  drop(): this {
    this.begin(OP["drop"]);
    this.checker?.pop("any");
    this.code.u8(OP["drop"]);
    return this;
  }

  /** Takes two values and an i32; gives the first where that is not zero, else the second. */
  select(): this {
    this.begin(OP["select"]);
    this.checker?.select();
    this.code.u8(OP["select"]);
    return this;
  }

  get(local: Local): this {
    this.begin(OP["local.get"]);
    if (this.checker !== undefined) {
      this.own(local);
      this.checker.push(local.type);
    }
    this.code.u8(OP["local.get"]);
    this.code.u32(local.index);
    return this;
  }

  set(local: Local): this {
    this.begin(OP["local.set"]);
    if (this.checker !== undefined) {
      this.own(local);
      this.checker.pop(local.type);
    }
    this.code.u8(OP["local.set"]);
    this.code.u32(local.index);
    return this;
  }

  /** Sets a local and keeps the value on the stack. */
  tee(local: Local): this {
    this.begin(OP["local.tee"]);
    if (this.checker !== undefined) {
      this.own(local);
      this.checker.pop(local.type);
      this.checker.push(local.type);
    }
    this.code.u8(OP["local.tee"]);
    this.code.u32(local.index);
    return this;
  }

  globalGet(global: Global): this {
    this.begin(OP["global.get"]);
    this.own(global);
    this.checker?.push(global.type);
    this.code.u8(OP["global.get"]);
    this.entity(global);
    return this;
  }

  globalSet(global: Global): this {
    this.begin(OP["global.set"]);
    this.own(global);
    if (!global.mutable) this.wrong(`global.set: global ${global.name} is not mutable`);
    this.checker?.pop(global.type);
    this.code.u8(OP["global.set"]);
    this.entity(global);
    return this;
  }

  /** A signed or unsigned 32-bit constant. */
  i32Const(value: number): this {
    this.begin(OP["i32.const"]);
    if (this.checker !== undefined) {
      if (!(Number.isInteger(value) && value >= -0x8000_0000 && value <= 0xffff_ffff)) {
        this.checker.fail(`expected a 32-bit integer, got ${value}`);
      }
      this.checker.push("i32");
    }
    this.code.u8(OP["i32.const"]);
    this.code.s32(value | 0);
    return this;
  }

  /** A signed or unsigned 64-bit constant; numbers must be safe integers. */
  i64Const(value: number | bigint): this {
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) this.wrong(`i64.const: expected a safe integer, got ${value}`);
      return this.i64ConstPair(value | 0, Math.floor(value / 0x1_0000_0000));
    }
    if (value < -0x8000_0000_0000_0000n || value > 0xffff_ffff_ffff_ffffn) {
      this.wrong(`i64.const: expected a 64-bit integer, got ${value}`);
    }
    return this.i64ConstPair(Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
  }

  /** A 64-bit constant from its halves (of either sign). */
  i64ConstPair(low: number, high: number): this {
    this.begin(OP["i64.const"]);
    this.checker?.push("i64");
    this.code.u8(OP["i64.const"]);
    this.code.s64(low, high);
    return this;
  }

  /** Any instruction without immediate, by opcode: `f.op(OP["i64.add"])`. Not for control, `drop`, `select`. */
  op(code: number): this {
    this.begin(code);
    if (this.checker !== undefined) {
      if (instructionOf(code)?.immediate !== "none") this.checker.fail("has its own method");
      this.checker.plain(code);
    }
    this.code.u8(code);
    return this;
  }

  // Memory

  /** Any memory access by opcode: `f.access(OP["i64.load8_u"], 14)`. `align` in bytes, natural where absent. */
  access(code: number, offset = 0, align?: number): this {
    this.begin(code);
    const natural = naturalAlign(code);
    const log = align === undefined ? natural : 31 - Math.clz32(align);
    if (this.checker !== undefined) {
      if (instructionOf(code)?.immediate !== "access") this.checker.fail("is no memory access");
      if (!(Number.isInteger(offset) && offset >= 0 && offset <= 0xffff_ffff)) {
        this.checker.fail(`expected an offset of 32 bits, got ${offset}`);
      }
      const exact = code >= 0x100;
      if (align !== undefined && (align !== 1 << log || log > natural || (exact && log !== natural))) {
        this.checker.fail(`expected an alignment of ${exact ? "" : "at most "}${1 << natural}, got ${align}`);
      }
      this.checker.plain(code);
    }
    if (code >= 0x100) this.code.u8(code >> 8);
    this.code.u8(code & 0xff);
    this.code.u8(log);
    this.code.u32(offset);
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
    this.prefixed(OP["memory.init"]);
    this.ownSegment(segment);
    this.code.u32(segment.index);
    this.code.u8(0);
    return this;
  }

  dataDrop(segment: DataSegment): this {
    this.prefixed(OP["data.drop"]);
    this.ownSegment(segment);
    this.code.u32(segment.index);
    return this;
  }

  // Atomics without a width of their own

  atomicFence(): this {
    this.prefixed(OP["atomic.fence"]);
    this.code.u8(0);
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
    this.begin(OP["table.get"]);
    this.checker?.pop("i32");
    this.checker?.push(table.type);
    return this.#table(OP["table.get"], table);
  }

  /** Takes index and reference. */
  tableSet(table: Table): this {
    this.begin(OP["table.set"]);
    this.checker?.pop(table.type);
    this.checker?.pop("i32");
    return this.#table(OP["table.set"], table);
  }

  tableSize(table: Table): this {
    this.begin(OP["table.size"]);
    this.checker?.push("i32");
    return this.#table(OP["table.size"], table);
  }

  /** Takes a reference to fill with and a count; gives the old size, or -1. */
  tableGrow(table: Table): this {
    this.begin(OP["table.grow"]);
    this.checker?.pop("i32");
    this.checker?.pop(table.type);
    this.checker?.push("i32");
    return this.#table(OP["table.grow"], table);
  }

  /** Takes index, reference, count. */
  tableFill(table: Table): this {
    this.begin(OP["table.fill"]);
    this.checker?.pop("i32");
    this.checker?.pop(table.type);
    this.checker?.pop("i32");
    return this.#table(OP["table.fill"], table);
  }

  /** Takes destination, source, length. */
  tableCopy(destination: Table, source: Table): this {
    this.prefixed(OP["table.copy"]);
    this.own(destination);
    this.own(source);
    this.entity(destination);
    this.entity(source);
    return this;
  }

  /** Takes destination, offset in the segment, length. */
  tableInit(table: Table, segment: ElementSegment): this {
    this.prefixed(OP["table.init"]);
    this.own(table);
    this.ownSegment(segment);
    this.code.u32(segment.index);
    this.entity(table);
    return this;
  }

  elemDrop(segment: ElementSegment): this {
    this.prefixed(OP["elem.drop"]);
    this.ownSegment(segment);
    this.code.u32(segment.index);
    return this;
  }

  refFunc(func: Func): this {
    this.begin(OP["ref.func"]);
    this.own(func);
    this.checker?.push("funcref");
    this.referenced.add(func);
    this.code.u8(OP["ref.func"]);
    this.entity(func);
    return this;
  }

  refNull(type: ReferenceType = "funcref"): this {
    this.begin(OP["ref.null"]);
    this.checker?.push(type);
    this.code.u8(OP["ref.null"]);
    this.code.u8(VALUE_TYPE_CODE[type]);
    return this;
  }

  refIsNull(): this {
    this.begin(OP["ref.is_null"]);
    if (this.checker !== undefined) {
      const type = this.checker.pop("any");
      if (type === "i32" || type === "i64")
        this.checker.fail(`expected a reference on the stack, got ${type}`);
      this.checker.push("i32");
    }
    this.code.u8(OP["ref.is_null"]);
    return this;
  }

  #table(code: number, table: Table): this {
    this.own(table);
    if (code >= 0x100) this.code.u8(code >> 8);
    this.code.u8(code & 0xff);
    this.entity(table);
    return this;
  }

  #zeros(code: number, count: number): this {
    this.prefixed(code);
    for (let i = 0; i < count; i++) this.code.u8(0);
    return this;
  }
}
