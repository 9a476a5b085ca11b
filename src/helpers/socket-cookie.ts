import { RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { BpfFuncId } from "../uapi/index.ts";
import type { ContextKind } from "./context-kind.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";

/** Where contexts have their socket; the others are one. */
const POINTER: Partial<Record<ContextKind, string>> = {
  skb: "sk_buff.sk",
  sockAddr: "bpf_sock_addr_kern.sk",
  sockOps: "bpf_sock_ops_kern.sk",
};

/**
 * The number that tells a socket from all that ever were (`sock_gen_cookie`). It is given out when somebody first asks,
 * and stays in the socket.
 */
export function socketCookieHelpers(layout: KernelLayout, kind: ContextKind): readonly Helper[] {
  const COOKIE = layout.offset("sock_common.skc_cookie");
  const size = layout.sizeOf("sock_common");
  const path = POINTER[kind];
  const pointer = path === undefined ? null : layout.offset(path);

  /** `bpf_get_socket_cookie` and its forms for contexts of a kind, `bpf_get_socket_ptr_cookie`: 0 for no socket. */
  const cookie = (call: HelperCall, context: number): number => {
    const view = call.memory.view();
    const from = context >>> 0;
    const sock = pointer === null ? from : view.getUint32(from + pointer, true);
    if (sock === 0 || !call.memory.regions.allows(sock, size, RegionAccess.READ)) {
      call.resultHigh = 0;
      return 0;
    }
    const at = sock + COOKIE;
    if (view.getUint32(at, true) === 0 && view.getUint32(at + 4, true) === 0) {
      const next = call.services.socketCookie?.() ?? 1;
      view.setUint32(at, next, true);
      view.setUint32(at + 4, Math.floor(next / 2 ** 32), true);
    }
    call.resultHigh = view.getInt32(at + 4, true);
    return view.getInt32(at, true);
  };

  return [hostHelper(BpfFuncId.get_socket_cookie, { args: ["ptr"], result: "i64" }, cookie)];
}
