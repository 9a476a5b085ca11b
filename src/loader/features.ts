import { BtfBuilder, type BtfTypeInput } from "../btf/index.ts";
import { type Insn, ProgramBuilder, r0, r1, r2, r3, r10 } from "../isa/index.ts";
import { type BpfCommands, Errno } from "../sys/index.ts";
import { BpfAttachType, BpfFuncId, BpfMapFlag, BpfMapType, BpfProgType } from "../uapi/index.ts";

/** What a kernel may lack, and what a loader then does without. */
export type Feature =
  | "func"
  | "funcGlobal"
  | "datasec"
  | "questionMarkDatasec"
  | "float"
  | "declTag"
  | "typeTag"
  | "enum64"
  | "mmapableArray"
  | "probeReadKernel"
  | "cookie"
  | "uprobeMulti";

const INT: BtfTypeInput = { kind: "INT", name: "int", size: 4, signed: true };

/** The smallest BTF with what a feature is about: each is valid on its own. */
const BTF_PROBES: { readonly [feature in Feature]?: readonly BtfTypeInput[] } = {
  func: [
    INT,
    { kind: "FUNC_PROTO", returns: 0, params: [{ name: "a", type: 1 }] },
    { kind: "FUNC", name: "x", type: 2, linkage: "static" },
  ],
  funcGlobal: [
    INT,
    { kind: "FUNC_PROTO", returns: 0, params: [{ name: "a", type: 1 }] },
    { kind: "FUNC", name: "x", type: 2, linkage: "global" },
  ],
  datasec: datasec(".data"),
  questionMarkDatasec: datasec("?.data"),
  float: [{ kind: "FLOAT", name: "float", size: 4 }],
  declTag: [
    INT,
    { kind: "VAR", name: "x", type: 1, linkage: "static" },
    { kind: "DECL_TAG", name: "tag", type: 2, component: -1 },
  ],
  typeTag: [INT, { kind: "TYPE_TAG", name: "tag", type: 1 }, { kind: "PTR", type: 2 }],
  enum64: [{ kind: "ENUM64", name: "e", size: 8, signed: false, values: [] }],
};

function datasec(name: string): readonly BtfTypeInput[] {
  return [
    INT,
    { kind: "VAR", name: "x", type: 1, linkage: "static" },
    { kind: "DATASEC", name, size: 4, variables: [{ type: 2, offset: 0, size: 4 }] },
  ];
}

/** What the kernel has of it, each probed when it is first asked for, by trying it (libbpf's `kernel_supports`). */
export class KernelFeatures {
  readonly #sys: BpfCommands;
  readonly #known = new Map<Feature, boolean>();

  constructor(sys: BpfCommands) {
    this.#sys = sys;
  }

  has(feature: Feature): boolean {
    const known = this.#known.get(feature);
    if (known !== undefined) return known;
    const types = BTF_PROBES[feature];
    const found = this.#succeeds(() => (types === undefined ? this.#probe(feature) : this.#loadTypes(types)));
    this.#known.set(feature, found);
    return found;
  }

  #succeeds(open: () => number): boolean {
    try {
      this.#sys.port.close(open());
      return true;
    } catch (error) {
      if (error instanceof Errno) return false;
      throw error;
    }
  }

  #loadTypes(types: readonly BtfTypeInput[]): number {
    const builder = new BtfBuilder();
    for (const type of types) builder.add(type);
    return this.#sys.btfLoad({ btf: builder.finish(), logLevel: 1 });
  }

  #probe(feature: Feature): number {
    switch (feature) {
      case "mmapableArray":
        return this.#sys.mapCreate({
          mapType: BpfMapType.ARRAY,
          keySize: 4,
          valueSize: 4,
          maxEntries: 1,
          mapFlags: BpfMapFlag.MMAPABLE,
        });
      case "probeReadKernel":
        return this.#load(BpfProgType.TRACEPOINT, probeRead());
      case "cookie":
        return this.#load(
          BpfProgType.TRACEPOINT,
          new ProgramBuilder().call(BpfFuncId.get_attach_cookie).exit().insns(),
        );
      default:
        return this.#load(
          BpfProgType.KPROBE,
          new ProgramBuilder().mov64(r0, 0).exit().insns(),
          BpfAttachType.TRACE_UPROBE_MULTI,
        );
    }
  }

  #load(progType: number, insns: readonly Insn[], expectedAttachType = 0): number {
    // A log level keeps a refused probe from being loaded once more for its log.
    return this.#sys.progLoad({ progType, insns, license: "GPL", expectedAttachType, logLevel: 1 }).fd;
  }
}

/** `bpf_probe_read_kernel(fp - 8, 8, 0)` */
function probeRead(): Insn[] {
  return new ProgramBuilder()
    .mov64(r1, r10)
    .alu64("add", r1, -8)
    .mov64(r2, 8)
    .mov64(r3, 0)
    .call(BpfFuncId.probe_read_kernel)
    .mov64(r0, 0)
    .exit()
    .insns();
}
