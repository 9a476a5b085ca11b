import type { Func, Label, Table } from "./entities.ts";
import { checkLimit } from "./errors.ts";
import { FunctionBody } from "./function-body.ts";
import { OP } from "./instructions.ts";
import { LIMITS } from "./limits.ts";
import { type BlockType, type FuncType, VALUE_TYPE_CODE } from "./types.ts";

/** Control instructions: blocks, branches to labels, calls. */
export abstract class ControlBuilder extends FunctionBody {
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
        (arm) => labels[arm] ?? this.wrong(`switch: expected an arm below ${arms.length}, got ${arm}`),
      ),
      labels.at(-1) ?? this.wrong("switch: expected at least one arm, got none"),
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
    this.begin(OP["else"]);
    const height = this.labels.length - 1;
    if (this.labels[height]!.kind !== "if") {
      this.wrong(`else: expected an open if, got a ${this.labels[height]!.kind}`);
    }
    const label: Label = { kind: "else", height };
    this.labels[height] = label;
    this.checker?.otherwise(label);
    this.code.u8(OP["else"]);
    return label;
  }

  /** Ends the innermost open block. */
  end(): this {
    this.begin(OP["end"]);
    if (this.labels.length <= 1) this.wrong("end: no block is open");
    this.checker?.end();
    this.labels.pop();
    this.code.u8(OP["end"]);
    return this;
  }

  br(label: Label): this {
    this.begin(OP["br"]);
    const depth = this.#depthOf(label);
    this.checker?.br(label);
    this.code.u8(OP["br"]);
    this.code.u32(depth);
    return this;
  }

  brIf(label: Label): this {
    this.begin(OP["br_if"]);
    const depth = this.#depthOf(label);
    this.checker?.brIf(label);
    this.code.u8(OP["br_if"]);
    this.code.u32(depth);
    return this;
  }

  /** Branches to `labels[i]` for the i32 `i` on the stack, or to `fallback` where it is outside. */
  brTable(labels: readonly Label[], fallback: Label): this {
    this.begin(OP["br_table"]);
    checkLimit(`function ${this.name}: br_table entries`, LIMITS.branchTableEntries, labels.length);
    const depths = labels.map((label) => this.#depthOf(label));
    const last = this.#depthOf(fallback);
    this.checker?.brTable(labels, fallback);
    this.code.u8(OP["br_table"]);
    this.code.u32(depths.length);
    for (const depth of depths) this.code.u32(depth);
    this.code.u32(last);
    return this;
  }

  return(): this {
    this.begin(OP["return"]);
    this.checker?.return();
    this.code.u8(OP["return"]);
    return this;
  }

  unreachable(): this {
    this.begin(OP["unreachable"]);
    this.checker?.unreachable();
    this.code.u8(OP["unreachable"]);
    return this;
  }

  call(callee: Func): this {
    this.begin(OP["call"]);
    this.own(callee);
    this.checker?.call(callee.type);
    this.code.u8(OP["call"]);
    this.entity(callee);
    return this;
  }

  /** Calls the function at the i32 on the stack in `table` (the module's first where absent); traps on another type. */
  callIndirect(type: FuncType, table?: Table): this {
    this.begin(OP["call_indirect"]);
    this.checker?.pop("i32");
    this.checker?.call(type);
    this.#indirect(OP["call_indirect"], type, table);
    return this;
  }

  /** A call in place of this function's frame (tail call); results must be the same. */
  returnCall(callee: Func): this {
    this.begin(OP["return_call"]);
    this.own(callee);
    this.checker?.tailCall(callee.type);
    this.code.u8(OP["return_call"]);
    this.entity(callee);
    return this;
  }

  returnCallIndirect(type: FuncType, table?: Table): this {
    this.begin(OP["return_call_indirect"]);
    this.checker?.pop("i32");
    this.checker?.tailCall(type);
    this.#indirect(OP["return_call_indirect"], type, table);
    return this;
  }

  #open(code: number, kind: Label["kind"], type: BlockType): Label {
    this.begin(code);
    const label: Label = { kind, height: this.labels.length };
    this.labels.push(label);
    this.checker?.enter(label, type);
    this.code.u8(code);
    if (type === undefined) this.code.u8(0x40);
    else if (typeof type === "string") this.code.u8(VALUE_TYPE_CODE[type]);
    else this.code.s32(type.index);
    return label;
  }

  #close(label: Label): this {
    this.#innermost(label);
    return this.end();
  }

  #innermost(label: Label): void {
    if (this.labels.at(-1) !== label) {
      this.wrong(`the callback of a ${label.kind} left another block open or ended its own`);
    }
  }

  #depthOf(label: Label): number {
    if (this.labels[label.height] !== label) this.wrong(`branch to a ${label.kind} that is not open here`);
    return this.labels.length - 1 - label.height;
  }

  #indirect(code: number, type: FuncType, table: Table | undefined): void {
    this.code.u8(code);
    this.code.u32(type.index);
    if (table === undefined) {
      this.code.u8(0);
      return;
    }
    this.own(table);
    this.entity(table);
  }
}
