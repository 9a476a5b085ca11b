import { Checker } from "./checker.ts";
import { CodeBuffer } from "./code-buffer.ts";
import type { DataSegment, ElementSegment, Func, Global, Label, Local, Memory, Table } from "./entities.ts";
import { checkLimit, WasmError } from "./errors.ts";
import { OP } from "./instructions.ts";
import { LIMITS } from "./limits.ts";
import { type FuncType, VALUE_TYPE_CODE, type ValueType } from "./types.ts";

const SPACES = ["func", "global", "table"] as const;

/** How many imports precede what the module defines, by index space. */
export type ImportCounts = Readonly<Record<(typeof SPACES)[number], number>>;

/** The body of a function as bytes: its locals, code, open labels and the indices to fill in at the end. */
export abstract class FunctionBody implements Func {
  readonly kind = "func";
  readonly imported = false;
  readonly owner: object;
  readonly name: string;
  readonly ordinal: number;
  readonly type: FuncType;
  readonly params: readonly Local[];
  /** The function's own block: a branch to it returns. */
  readonly exit: Label;
  protected readonly code = new CodeBuffer();
  /** Open blocks, the function's own first. */
  protected readonly labels: Label[] = [];
  protected readonly checker: Checker | undefined;
  readonly #locals: Local[] = [];
  /** Where indices of defined entities stand: `offset * 4 + index space`. */
  readonly #fixups: number[] = [];
  readonly #marks: number[] = [];
  protected readonly referenced = new Set<Func>();
  #finished = false;

  constructor(owner: object, name: string, ordinal: number, type: FuncType, check: boolean) {
    this.owner = owner;
    this.name = name;
    this.ordinal = ordinal;
    this.type = type;
    this.params = type.params.map((param, index) => ({ owner: this, index, type: param, name: undefined }));
    this.exit = { kind: "function", height: 0 };
    this.labels.push(this.exit);
    this.checker = check ? new Checker(name, type, this.exit) : undefined;
  }

  /** Bytes of code written so far; a function may have {@link LIMITS.functionBytes}. */
  get size(): number {
    return this.code.length;
  }

  /** Notes that what is emitted from here on belongs to something that has a number. */
  mark(tag: number): this {
    const { length } = this.#marks;
    // Of several without code between them, the last is meant.
    if (length > 0 && this.#marks[length - 2] === this.code.length) this.#marks.length -= 2;
    if (this.#marks.at(-1) !== tag) this.#marks.push(this.code.length, tag);
    return this;
  }

  /** Pairs: bytes of code in front of a mark, and its number. */
  get marks(): Uint32Array {
    return Uint32Array.from(this.#marks);
  }

  /** Number of blocks open now. */
  get depth(): number {
    return this.labels.length - 1;
  }

  /** Named parameters and all locals, for the name section. */
  get locals(): readonly Local[] {
    return this.#locals;
  }

  /** Functions that `ref.func` names here: the module must declare them. */
  get references(): ReadonlySet<Func> {
    return this.referenced;
  }

  /** A new local variable, zero at the function's start. May be asked for at any point of the body. */
  local(type: ValueType, name?: string): Local {
    const index = this.params.length + this.#locals.length;
    if (index >= LIMITS.locals) checkLimit(`function ${this.name}: locals`, LIMITS.locals, index + 1);
    const local: Local = { owner: this, index, type, name };
    this.#locals.push(local);
    return local;
  }

  /**
   * Ends the body and writes it to `out` as an entry of the code section. Called by the module builder, once it
   * knows all imports; later instructions are errors.
   */
  encodeTo(out: CodeBuffer, imports: ImportCounts): void {
    if (!this.#finished) this.#finish(imports);
    const header = this.#encodeLocals();
    const size = header.length + this.code.length;
    checkLimit(`function ${this.name}: body bytes`, LIMITS.functionBytes, size);
    out.u32(size);
    out.raw(header);
    out.raw(this.code.view());
  }

  #finish(imports: ImportCounts): void {
    if (this.code.length === 0) {
      throw new WasmError("has no body: write nop where it shall be empty", { function: this.name });
    }
    this.begin(OP["end"]);
    if (this.labels.length !== 1) {
      this.wrong(`end: expected all blocks closed, got ${this.labels.length - 1} open`);
    }
    this.checker?.end();
    this.code.u8(OP["end"]);
    for (const fixup of this.#fixups) {
      const at = Math.floor(fixup / 4);
      this.code.patchPadded(at, this.code.paddedAt(at) + imports[SPACES[fixup & 3]!]);
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

  protected begin(code: number): void {
    if (this.code.length > LIMITS.functionBytes) {
      checkLimit(`function ${this.name}: body bytes`, LIMITS.functionBytes, this.code.length);
    }
    if (this.#finished) this.wrong("the module is finished");
    if (this.checker !== undefined) this.checker.at(code, this.code.length);
  }

  protected wrong(problem: string): never {
    throw new WasmError(problem, { function: this.name, offset: this.code.length });
  }

  protected own(entity: Func | Global | Table | Memory | Local): void {
    const owner = "kind" in entity ? this.owner : this;
    if (entity.owner !== owner)
      this.wrong(`${entity.name ?? `local ${(entity as Local).index}`} is of another module or function`);
  }

  protected ownSegment(segment: DataSegment | ElementSegment): void {
    if (segment.owner !== this.owner) this.wrong(`segment ${segment.index} is of another module`);
  }

  /** The index of an entity; that of a defined one in a fixed width, as imports may still be added. */
  protected entity(entity: Func | Global | Table): void {
    if (entity.imported) {
      this.code.u32(entity.ordinal);
      return;
    }
    const space = entity.kind === "func" ? 0 : entity.kind === "global" ? 1 : 2;
    this.#fixups.push(this.code.length * 4 + space);
    this.code.padded(entity.ordinal);
  }

  protected prefixed(code: number): void {
    this.begin(code);
    this.checker?.plain(code);
    if (code >= 0x100) this.code.u8(code >> 8);
    this.code.u8(code & 0xff);
  }
}
