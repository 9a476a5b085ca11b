import { BpfAttachType as A } from "../../uapi/index.ts";
import type { AccessWidth, FieldAccess, FieldRewrite, StructContext } from "./context.ts";
import { DWORD, field, member, NARROW, SOCKET, structContext, WORD } from "./field.ts";

/** Reads of up to 8 bytes, writes of 4 and 8 (`bpf_ctx_wide_access_ok`). */
const ADDRESS: FieldAccess = { reads: { 1: 4, 2: 4, 4: 4, 8: 4 }, writes: [4, 8], within: true };

/** A member of the address that user space gave, or of what `t_ctx` points at. */
function behind(pointer: "uaddr" | "t_ctx", path: string, size: AccessWidth): FieldRewrite {
  return {
    kind: "follow",
    pointers: [`bpf_sock_addr_kern.${pointer}`],
    path,
    size,
    indexed: size === "own",
    temporary: "bpf_sock_addr_kern.tmp_reg",
  };
}

function ofSocket(path: string): FieldRewrite {
  return { kind: "follow", pointers: ["bpf_sock_addr_kern.sk"], path, size: "member" };
}

const IP4 = {
  attachTypes: [
    A.CGROUP_INET4_BIND,
    A.CGROUP_INET4_CONNECT,
    A.CGROUP_INET4_GETPEERNAME,
    A.CGROUP_INET4_GETSOCKNAME,
    A.CGROUP_UDP4_SENDMSG,
    A.CGROUP_UDP4_RECVMSG,
  ],
};
const IP6 = {
  attachTypes: [
    A.CGROUP_INET6_BIND,
    A.CGROUP_INET6_CONNECT,
    A.CGROUP_INET6_GETPEERNAME,
    A.CGROUP_INET6_GETSOCKNAME,
    A.CGROUP_UDP6_SENDMSG,
    A.CGROUP_UDP6_RECVMSG,
  ],
};
const SEND4 = { attachTypes: [A.CGROUP_UDP4_SENDMSG] };
const SEND6 = { attachTypes: [A.CGROUP_UDP6_SENDMSG] };
const BY_FAMILY = { user_ip4: IP4, user_ip6: IP6, msg_src_ip4: SEND4, msg_src_ip6: SEND6 };

/** `sock_addr_is_valid_access`, `sock_addr_convert_ctx_access` */
export const SOCK_ADDR_CONTEXT: StructContext = structContext(
  "bpf_sock_addr",
  "bpf_sock_addr_kern",
  [
    field("user_family", WORD, behind("uaddr", "sockaddr.sa_family", "member")),
    field("user_ip4", NARROW, behind("uaddr", "sockaddr_in.sin_addr", "own")),
    field("user_ip6", ADDRESS, behind("uaddr", "sockaddr_in6.sin6_addr", "own")),
    field("user_port", NARROW, behind("uaddr", "sockaddr_in6.sin6_port", "member")),
    field("family", WORD, ofSocket("sock.__sk_common.skc_family")),
    field("type", WORD, ofSocket("sock.sk_type")),
    field("protocol", WORD, ofSocket("sock.sk_protocol")),
    field("msg_src_ip4", NARROW, behind("t_ctx", "in_addr.s_addr", "own")),
    field("msg_src_ip6", ADDRESS, behind("t_ctx", "in6_addr.in6_u", "own")),
    field("sk", DWORD, member("bpf_sock_addr_kern.sk"), SOCKET),
  ],
  { readableIf: BY_FAMILY, writable: ["user_port"], writableIf: BY_FAMILY },
);
