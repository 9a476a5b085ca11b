import {
  checkStructAccess,
  SOCK_COMMON_VIEW,
  SOCKET_VIEW,
  type StructContext,
  TCP_SOCK_VIEW,
  XDP_SOCK_VIEW,
} from "../../platform/index.ts";
import { bpfFlowKeys, Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { RegType } from "../state/reg-type.ts";
import { contextMap } from "./context-access.ts";
import { refuseNegativeMinimum } from "./memory-region.ts";

const VIEWS: ReadonlyMap<number, StructContext> = new Map([
  [RegType.PTR_TO_SOCK_COMMON, SOCK_COMMON_VIEW],
  [RegType.PTR_TO_SOCKET, SOCKET_VIEW],
  [RegType.PTR_TO_TCP_SOCK, TCP_SOCK_VIEW],
  [RegType.PTR_TO_XDP_SOCK, XDP_SOCK_VIEW],
]);

/** How programs see what a pointer of this type leads to; null where it is no socket. */
export function socketView(type: number): StructContext | null {
  return VIEWS.get(type) ?? null;
}

/** A load through a pointer to a socket (`check_sock_access`). */
export function checkSockAccess(
  env: Environment,
  insnIdx: number,
  regno: number,
  off: number,
  size: number,
): void {
  const reg = env.reg(regno);
  if (reg.bounds.sminHi < 0) refuseNegativeMinimum(env, regno);
  const view = VIEWS.get(reg.type)!;
  const access = { offset: off, size, write: false, signed: false, expectedAttachType: 0 };
  const allowed = checkStructAccess(contextMap(env, view), access);
  if (allowed === null) {
    env.refuse(Errno.EACCES, `R${regno} invalid ${regTypeStr(reg.type)} access off=${off} size=${size}`);
  }
  const aux = env.aux[insnIdx]!;
  aux.ctxFieldSize = allowed.fieldSize;
  if (allowed.gap === true) aux.ctxGap = true;
}

/** An access to what a flow dissector has found (`check_flow_keys_access`). */
export function checkFlowKeysAccess(env: Environment, off: number, size: number): void {
  if (off < 0 || off + size > bpfFlowKeys.size) {
    env.refuse(Errno.EACCES, `invalid access to flow keys off=${off} size=${size}`);
  }
}
