import { BpfMapFlag, BpfMapType, Errno, BpfFuncId as F } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { InsnAux } from "../environment/insn-aux.ts";
import { Rejection } from "../environment/rejection.ts";
import { markChainPrecision } from "../explore/precision.ts";
import { isConstant } from "../ranges/bounds.ts";
import { RegType } from "../state/reg-type.ts";
import type { CallMeta } from "./call-meta.ts";

/** The map that the call is about matters to fixups (`record_func_map`). */
export function recordFuncMap(env: Environment, meta: CallMeta, funcId: number, insnIdx: number): void {
  let writes = false;
  switch (funcId) {
    case F.map_update_elem:
    case F.map_delete_elem:
    case F.map_push_elem:
    case F.map_pop_elem:
      writes = true;
      break;
    case F.tail_call:
    case F.map_lookup_elem:
    case F.map_peek_elem:
    case F.for_each_map_elem:
    case F.redirect_map:
    case F.map_lookup_percpu_elem:
      break;
    default:
      return;
  }
  const { map } = meta;
  if (map === null) env.refuse(Errno.EFAULT, "verifier bug: expected map for helper call");
  if (writes && (map.flags & BpfMapFlag.RDONLY_PROG) !== 0) {
    env.refuse(Errno.EACCES, "write into map forbidden");
  }
  const aux = env.aux[insnIdx]!;
  const known = aux.mapPointer;
  if (known !== null && known.map === map) return;
  aux.mapPointer = {
    map,
    poison: known !== null,
    unprivileged: (known?.unprivileged ?? false) || !(map.bypassSpecV1 ?? env.bypassSpecV1),
  };
}

/** So does the index of a tail call, where it is always the same (`record_func_key`). */
export function recordFuncKey(env: Environment, meta: CallMeta, funcId: number, insnIdx: number): void {
  if (funcId !== F.tail_call) return;
  const { map } = meta;
  if (map === null || map.type !== BpfMapType.PROG_ARRAY) {
    const text = "expected prog array map for tail call";
    // The kernel does not end this line.
    env.log.write(text);
    throw new Rejection(Errno.EINVAL, text);
  }
  const aux = env.aux[insnIdx]!;
  const reg = env.reg(3);
  const constant = reg.type === RegType.SCALAR_VALUE && isConstant(reg.bounds);
  if (!constant || reg.bounds.value >= BigInt(map.maxEntries)) {
    aux.mapKey = "poison";
    return;
  }
  markChainPrecision(env, 3);
  storeKey(aux, Number(reg.bounds.value));
}

function storeKey(aux: InsnAux, key: number): void {
  if (aux.mapKey === null) aux.mapKey = key;
  else if (aux.mapKey !== key) aux.mapKey = "poison";
}
