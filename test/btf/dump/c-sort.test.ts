import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/index.ts";
import { type DumpExports, instantiateDump } from "../../../src/btf/dump/dump-code.ts";
import { Btf, BtfKind } from "../../../src/btf/index.ts";
import { fixture } from "../../support/referee.ts";
import { builder, everyKind, hasGolden, shared } from "../fixture.ts";

const REFERENCES: ReadonlySet<number> = new Set([
  BtfKind.PTR,
  BtfKind.TYPEDEF,
  BtfKind.DECL_TAG,
  BtfKind.VOLATILE,
  BtfKind.CONST,
  BtfKind.RESTRICT,
  BtfKind.TYPE_TAG,
]);

/** The order as bpftool makes it: all types sorted, then each ordered in turn. */
class Plain {
  readonly #btf: Btf;

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  sorted(): number[] {
    const rows = Array.from({ length: this.#btf.count }, (_, id) => ({
      id,
      rank: this.#rank(id),
      name: utf8(this.#sortName(id)),
      own: utf8(this.#btf.name(id)),
      hash: this.#hash(id, true),
    }));
    rows.sort(
      (a, b) =>
        a.rank - b.rank ||
        Buffer.compare(a.name, b.name) ||
        Buffer.compare(a.own, b.own) ||
        (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.id - b.id),
    );
    return rows.map(({ id }) => id);
  }

  #next(id: number): number | null {
    const kind = this.#btf.kind(id);
    if (kind === BtfKind.ARRAY) return this.#btf.elementType(id);
    return REFERENCES.has(kind) ? this.#btf.ref(id) : null;
  }

  #rank(id: number): number {
    let named = false;
    for (
      let type: number | null = id, hops = 0;
      type !== null && hops < 32;
      type = this.#next(type), hops++
    ) {
      named ||= this.#btf.name(type) !== "";
      const kind = this.#btf.kind(type);
      if (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) return named ? 1 : 0;
      if (kind === BtfKind.INT || kind === BtfKind.FLOAT) return 2;
      if (!named) return 10;
      if (kind === BtfKind.STRUCT || kind === BtfKind.UNION) return 3;
      if (kind === BtfKind.FUNC_PROTO) return 4;
    }
    return 10;
  }

  #sortName(id: number): string {
    const kind = this.#btf.kind(id);
    const isEnum = kind === BtfKind.ENUM || kind === BtfKind.ENUM64;
    if (isEnum && this.#btf.name(id) === "" && this.#btf.vlen(id) > 0)
      return this.#btf.string(this.#btf.word(id, 3));
    let type = id;
    for (let hops = 0; hops < 32; hops++) {
      const next = this.#next(type);
      if (next === null) return this.#btf.name(type);
      type = next;
    }
    return "";
  }

  #hash(id: number, members: boolean, depth = 0): bigint {
    const btf = this.#btf;
    const step = (hash: bigint, value: bigint) => BigInt.asUintN(64, hash * 31n + value);
    const text = (value: string) =>
      [...new Int8Array(utf8(value))].reduce((hash, byte) => step(hash, BigInt(byte)), 0n);
    const named = (hash: bigint, value: string) => (value === "" ? hash : step(hash, text(value)));
    const nested = (type: number, all: boolean) => (depth < 32 ? this.#hash(type, all, depth + 1) : 0n);
    let hash = named(0n, btf.name(id));
    const kind = btf.kind(id);
    const next = this.#next(id);
    if (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) {
      const size = kind === BtfKind.ENUM ? 2 : 3;
      for (let i = 0; i < btf.vlen(id); i++) hash = named(hash, btf.string(btf.word(id, 3 + i * size)));
    } else if ((kind === BtfKind.STRUCT || kind === BtfKind.UNION) && members) {
      for (let i = 0; i < btf.vlen(id); i++) {
        hash = step(named(hash, btf.memberName(id, i)), nested(btf.memberType(id, i), false));
      }
    } else if (kind === BtfKind.ARRAY) {
      hash = step(step(hash, BigInt(btf.elementCount(id))), nested(next!, members));
    } else if (next !== null) hash = step(hash, nested(next, members));
    return hash;
  }
}

/** The queue, and whether there was a type that C cannot define. */
function queueOf(btf: Btf, add: (code: DumpExports) => void): { queue: number[]; failed: boolean } {
  const { exports, memory, plan } = instantiateDump(btf, { enumModes: true, attributes: true }, () => {});
  exports.steps.value = plan.steps;
  let failed = false;
  try {
    add(exports);
  } catch {
    failed = true;
  }
  const { value: length } = failed ? exports.queue_start : exports.queue_length;
  return { queue: [...new Uint32Array(memory.buffer, plan.areas.queue, length as number)], failed };
}

function expectPlain(btf: Btf): void {
  const fast = queueOf(btf, (code) => code.add_sorted());
  const plain = queueOf(btf, (code) => {
    for (const id of new Plain(btf).sorted().slice(1)) code.add(id);
  });
  expect(fast).toEqual(plain);
}

/** A few names, so that many types share one. */
const NAME = fc.constantFrom("", "", "a", "b", "ab", "list");
const REF = fc.nat(24);
const TYPE = fc.oneof(
  fc.record({ kind: fc.constantFrom("PTR", "CONST", "VOLATILE"), type: REF }),
  fc.record({ kind: fc.constant("PTR"), type: REF }),
  fc.record({ kind: fc.constant("ARRAY"), type: REF, count: fc.nat(3) }),
  fc.record({ kind: fc.constantFrom("TYPEDEF", "FWD", "ENUM", "INT"), name: NAME, type: REF }),
  fc.record({ kind: fc.constantFrom("STRUCT", "UNION"), name: NAME, types: fc.array(REF, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant("FUNC_PROTO"), type: REF, types: fc.array(REF, { maxLength: 3 }) }),
);

interface Drawn {
  readonly kind: string;
  readonly name?: string;
  readonly type?: number;
  readonly types?: readonly number[];
  readonly count?: number;
}

function build(drawn: readonly Drawn[]): Btf {
  const types = builder();
  const first = 3;
  const ref = (id = 0) => (id === 0 ? 0 : first + (id % drawn.length));
  for (const { kind, name = "", type, types: list = [], count = 0 } of drawn) {
    const label = name === "" ? {} : { name };
    if (kind === "PTR" || kind === "CONST" || kind === "VOLATILE") types.add({ kind, type: ref(type) });
    else if (kind === "ARRAY") types.add({ kind, type: ref(type), indexType: 1, count });
    else if (kind === "TYPEDEF") types.add({ kind, name: name || "t", type: ref(type) });
    else if (kind === "FWD") types.add({ kind, name: name || "f", of: "struct" });
    else if (kind === "INT") types.add({ kind, name: name || "i", size: 4 });
    else if (kind === "ENUM")
      types.add({ kind, ...label, size: 4, signed: false, values: [{ name: "v", value: 0 }] });
    else if (kind === "FUNC_PROTO") {
      types.add({ kind, returns: ref(type), params: list.map((each) => ({ name: "", type: ref(each) })) });
    } else {
      const members = list.map((each, i) => ({ name: `m${i}`, type: ref(each), bitOffset: 0, bitSize: 0 }));
      types.add({ kind: kind as "STRUCT" | "UNION", ...label, size: 8, members });
    }
  }
  return Btf.parse(types.finish());
}

const vmlinux = fixture("/sys/kernel/btf/vmlinux");

describe("add_sorted", () => {
  it("orders as sorting everything does", () => expectPlain(Btf.parse(everyKind())));

  it("does so for any types", () => {
    fc.assert(
      fc.property(fc.array(TYPE, { minLength: 1, maxLength: 16 }), (drawn) =>
        expectPlain(build(drawn as Drawn[])),
      ),
      { numRuns: 150 },
    );
  });

  it.skipIf(!hasGolden)("does so for a program's types", () =>
    expectPlain(Btf.parse(shared("golden/raw/btf.bin"))),
  );

  it.skipIf(!vmlinux.present)("does so for a kernel's types", () => expectPlain(Btf.parse(vmlinux.bytes())));
});
