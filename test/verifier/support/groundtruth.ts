import { bytesOfHex } from "../../../src/base/index.ts";
import { Btf, BtfBuilder, writeBtf } from "../../../src/btf/index.ts";
import { BpfAttachType, BpfProgFlag, BpfProgType } from "../../../src/uapi/index.ts";
import { groundtruth } from "../../support/referee.ts";
import { groundtruthMap } from "./groundtruth-maps.ts";
import type {
  CaseAttach,
  CaseMap,
  CaseReference,
  CaseRun,
  RecordedCase,
  VerifierCase,
} from "./verifier-case.ts";

/** A case as `verifier-cases.json.gz` has it: its README says what the fields mean. */
interface JsonCase {
  readonly id: number;
  readonly file: string;
  readonly descr: string;
  readonly insns: string;
  readonly prog_type: number;
  readonly expected_attach_type: number;
  readonly flags: number;
  readonly kfunc: string | null;
  readonly fixups: Readonly<Record<string, readonly (number | readonly [string, number])[]>>;
  readonly runs: number;
  readonly retvals: readonly { readonly retval: number; readonly data?: string }[];
  readonly func_info?: readonly (readonly [number, number])[];
  readonly btf_types?: string;
  readonly btf_strings?: string;
  readonly linux_6_18: {
    readonly verdict: "ACCEPT" | "REJECT" | null;
    readonly errno: number;
    readonly log: string;
    readonly xlated: string | null;
    readonly runs: readonly (readonly [number, number])[] | null;
  };
}

const NEEDS_UNALIGNED = 1;
const STRICT_ALIGNMENT = 2;
const ANY_RESULT = 0xcafe4a;

/** All cases of `../shared/groundtruth` with what Linux 6.18 said, or why there are none. */
export function groundtruthCases(): RecordedCase[] | string {
  const cases = groundtruth("verifier-cases.json.gz");
  if (!cases.present) return cases.why;
  const logs = groundtruth("verifier-logs.json.gz");
  const level2 = logs.present ? logs.json<Readonly<Record<string, string>>>() : {};
  return cases.json<readonly JsonCase[]>().map((json) => ({
    test: caseOf(json),
    record: recordOf(json, level2[String(json.id)] ?? null),
  }));
}

function caseOf(json: JsonCase): VerifierCase {
  const maps: CaseMap[] = [];
  const references: CaseReference[] = [];
  for (const [kind, places] of Object.entries(json.fixups)) {
    if (kind === "fixup_kfunc_btf_id") {
      for (const place of places) {
        const [name, slot] = place as readonly [string, number];
        references.push({ kind: "kfunc", slot, name });
      }
      continue;
    }
    const made = groundtruthMap(kind, maps.length);
    const map = maps.length + made.length - 1;
    maps.push(...made);
    for (const slot of places) references.push({ kind: "map", slot: slot as number, map });
  }
  let progFlags: number = BpfProgFlag.TEST_RND_HI32;
  if ((json.flags & NEEDS_UNALIGNED) !== 0) progFlags |= BpfProgFlag.ANY_ALIGNMENT;
  if ((json.flags & STRICT_ALIGNMENT) !== 0) progFlags |= BpfProgFlag.STRICT_ALIGNMENT;
  progFlags |= json.flags & ~(NEEDS_UNALIGNED | STRICT_ALIGNMENT);
  return {
    name: `groundtruth/${json.id}: ${json.file} ${json.descr}`,
    group: `groundtruth/${json.file}`,
    progType: json.prog_type === 0 ? BpfProgType.SOCKET_FILTER : json.prog_type,
    expectedAttachType: json.expected_attach_type,
    progFlags,
    license: "GPL",
    rights: "all",
    insns: bytes(json.insns),
    references,
    maps,
    btf: json.btf_types === undefined ? null : programBtf(json),
    funcInfo: new Uint8Array(Uint32Array.from((json.func_info ?? []).flat()).buffer),
    lineInfo: new Uint8Array(0),
    attach: attachOf(json),
    runs: runsOf(json),
    source: "",
  };
}

function recordOf(json: JsonCase, level2: string | null): RecordedCase["record"] {
  const { verdict, errno, log, xlated, runs } = json.linux_6_18;
  if (verdict === null) return null;
  return {
    errno: verdict === "ACCEPT" ? 0 : errno,
    stats: log,
    level1: null,
    level2,
    xlated: xlated === null ? null : bytes(xlated),
    runs: (runs ?? []).map(([failed, retval], index) => ({
      errno: Math.abs(failed),
      retval: json.retvals[index]?.retval === ANY_RESULT ? null : retval,
    })),
  };
}

function runsOf(json: JsonCase): CaseRun[] {
  if (json.runs < 0) return [];
  return Array.from({ length: Math.max(1, json.runs) }, (_, index) => {
    const data = json.retvals[index]?.data;
    return { data: data === undefined ? new Uint8Array(64) : bytes(data), ctx: null };
  });
}

function attachOf({ kfunc, prog_type, expected_attach_type }: JsonCase): CaseAttach | null {
  if (kfunc === null) return null;
  if (prog_type === BpfProgType.LSM) return { name: `bpf_lsm_${kfunc}`, kind: "FUNC", member: null };
  if (expected_attach_type === BpfAttachType.TRACE_ITER) {
    return { name: `bpf_iter_${kfunc}`, kind: "FUNC", member: null };
  }
  return { name: kfunc, kind: "FUNC", member: null };
}

/** The sections of the case behind a header. */
function programBtf({ btf_types, btf_strings }: JsonCase): Uint8Array {
  const [types, strings] = [bytes(btf_types!), bytes(btf_strings!)];
  const header = Uint8Array.from(new BtfBuilder().finish().subarray(0, 24));
  const view = new DataView(header.buffer);
  view.setUint32(8, 0, true);
  view.setUint32(12, types.length, true);
  view.setUint32(16, types.length, true);
  view.setUint32(20, strings.length, true);
  return writeBtf(Btf.parse(Uint8Array.of(...header, ...types, ...strings)));
}

function bytes(hex: string): Uint8Array {
  const result = bytesOfHex(hex);
  if (result === null) throw new Error(`expected hex digits, got '${hex.slice(0, 40)}'`);
  return result;
}
