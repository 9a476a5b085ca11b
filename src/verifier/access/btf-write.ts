import { BtfKind } from "../../btf/index.ts";
import { structOpsType, type WritableStruct, type WriteRules } from "../../platform/index.ts";
import { Errno, BpfProgType as P } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { resolvedType } from "../environment/resolved-type.ts";
import type { Register } from "../state/register.ts";
import { typeName } from "../types/walk.ts";

type Rules<Kind extends WriteRules["kind"]> = Extract<WriteRules, { readonly kind: Kind }>;

/** `_nf_conntrack_btf_struct_access`; the struct that is still being set up has the same layout. */
const CONNECTIONS: Rules<"members"> = {
  kind: "members",
  name: "nf_conn",
  structs: ["nf_conn", "nf_conn___init"].map((struct) => ({ struct, members: ["nf_conn.mark"], ranges: [] })),
};

function rulesOf(env: Environment): WriteRules | null {
  switch (resolvedType(env).type) {
    case P.SCHED_CLS:
    case P.SCHED_ACT:
    case P.XDP:
      return CONNECTIONS;
    case P.STRUCT_OPS: {
      const { attach } = env;
      return attach?.btf
        ? (structOpsType(typeName(attach.btf, attach.btfId), env.release)?.writes ?? null)
        : null;
    }
    default:
      return null;
  }
}

/** The program's type has rules of its own about stores to the kernel's structs (`btf_struct_access` of its operations). */
export function hasBtfWriteRules(env: Environment): boolean {
  return rulesOf(env) !== null;
}

/** A store to a struct of the kernel, where {@link hasBtfWriteRules}. */
export function checkBtfWrite(env: Environment, reg: Register, off: number, size: number): void {
  const rules = rulesOf(env)!;
  const btf = reg.btf!;
  const struct = btf.kind(reg.btfId) === BtfKind.STRUCT ? typeName(btf, reg.btfId) : "";
  switch (rules.kind) {
    case "members":
      checkMembers(env, rules, struct, off, size);
      return;
    case "parts":
      if (struct !== rules.struct || !inParts(env, rules, off, size)) throw new Rejection(Errno.EACCES, "");
      return;
    case "whole":
      if (struct !== rules.struct) {
        env.refuse(Errno.EACCES, `only access to ${rules.struct} is supported`);
      }
      if (off + size > btf.size(reg.btfId)) {
        env.refuse(Errno.EACCES, `write access at off ${off} with size ${size}`);
      }
      return;
    default:
      checkSpare(env, rules, struct, off, size);
  }
}

function inParts(env: Environment, { struct, members }: Rules<"parts">, off: number, size: number): boolean {
  return members.some((member) => {
    const place = env.request.kernel.layout.find(`${struct}.${member}`);
    return place !== null && off >= place.offset && off + size <= place.offset + place.size;
  });
}

interface Place {
  readonly start: number;
  readonly end: number;
}

function placeOf(env: Environment, path: string): Place | null {
  let start = 0;
  let size = 0;
  for (const part of path.split("+")) {
    const place = env.request.kernel.layout.find(part);
    if (place === null) return null;
    start += place.offset;
    size = place.size;
  }
  return { start, end: start + size };
}

/** The end of what a store at `off` may write; null: it may write nothing there. */
function writableEnd(env: Environment, { members, ranges }: WritableStruct, off: number): number | null {
  for (const path of members) {
    const place = placeOf(env, path);
    if (place?.start === off) return place.end;
  }
  for (const path of ranges) {
    const place = placeOf(env, path);
    if (place !== null && off >= place.start && off < place.end) return place.end;
  }
  return null;
}

function checkMembers(
  env: Environment,
  rules: Rules<"members">,
  struct: string,
  off: number,
  size: number,
): void {
  const writable = rules.structs.find((one) => one.struct === struct);
  if (rules === CONNECTIONS && !hasConnections(env)) throw new Rejection(Errno.EACCES, "");
  if (writable === undefined) env.refuse(Errno.EACCES, "only read is supported");
  const name = rules.name ?? struct;
  const end = writableEnd(env, writable, off);
  if (end === null) env.refuse(Errno.EACCES, `no write support to ${name} at off ${off}`);
  if (off + size > end) {
    env.refuse(
      Errno.EACCES,
      `write access at off ${off} with size ${size} beyond the member of ${name} ended at ${end}`,
    );
  }
}

/** The kernel tracks connections: else nothing answers for its structs. */
function hasConnections(env: Environment): boolean {
  return (env.request.kernel.btf?.findByName("nf_conn___init", BtfKind.STRUCT) ?? 0) !== 0;
}

/** `hid_bpf_ops_btf_struct_access` */
function checkSpare(
  env: Environment,
  { structs }: Rules<"spare">,
  struct: string,
  off: number,
  size: number,
): void {
  const { layout } = env.request.kernel;
  const members = structs.get(struct);
  if (members === undefined) {
    env.refuse(Errno.EACCES, "write access to this struct is not supported");
  }
  if (off + size > layout.sizeOf(struct)) {
    env.refuse(Errno.EACCES, `write access for struct ${struct} at off ${off} with size ${size}`);
  }
  for (const { member, spare } of members) {
    const place = layout.find(`${struct}.${member}`);
    if (place !== null && off >= place.offset && off + size <= place.offset + place.size - spare) return;
  }
  env.refuse(Errno.EACCES, `write access at off ${off} with size ${size} on read-only part of ${struct}`);
}
