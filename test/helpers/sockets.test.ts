import { beforeEach, describe, expect, it } from "vitest";
import { RegionAccess } from "../../src/mem/index.ts";
import { BpfFuncId } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

const TcpState = { ESTABLISHED: 1, TIME_WAIT: 6, CLOSE: 7, LISTEN: 10, NEW_SYN_RECV: 12 } as const;

let bench: HelperBench;
let sock: number;
beforeEach(() => {
  bench = new HelperBench();
  sock = bench.block(bench.layout.sizeOf("sock"), RegionAccess.READ, "struct sock");
  set({ skc_state: TcpState.CLOSE, refcnt: 1 });
});

function set(members: { skc_state?: number; skc_family?: number; refcnt?: number; flags?: number }): void {
  const view = bench.memory.view();
  const at = (member: string) => sock + bench.layout.offset(`sock_common.${member}`);
  if (members.skc_state !== undefined) view.setUint8(at("skc_state"), members.skc_state);
  if (members.skc_family !== undefined) view.setUint16(at("skc_family"), members.skc_family, true);
  if (members.refcnt !== undefined) view.setUint32(at("skc_refcnt"), members.refcnt, true);
  if (members.flags !== undefined) view.setUint32(at("skc_flags"), members.flags, true);
}

function setProtocol(protocol: number, type: number): void {
  bench.set32("sock", sock, "sk_protocol", protocol);
  bench.set32("sock", sock, "sk_type", type);
}

const gives = (id: number, at = sock) => bench.invoke(id, at) === at && at !== 0;

describe("kinds of sockets", () => {
  it("full ones: all but requests and what a connection leaves behind", () => {
    expect(gives(BpfFuncId.sk_fullsock)).toBe(true);
    set({ skc_state: TcpState.TIME_WAIT });
    expect(gives(BpfFuncId.sk_fullsock)).toBe(false);
    set({ skc_state: TcpState.NEW_SYN_RECV });
    expect(gives(BpfFuncId.sk_fullsock)).toBe(false);
  });

  it("by protocol and family", () => {
    expect(gives(BpfFuncId.tcp_sock)).toBe(false);
    setProtocol(6, 1);
    set({ skc_state: TcpState.ESTABLISHED, skc_family: 2 });
    expect(gives(BpfFuncId.tcp_sock)).toBe(true);
    expect(gives(BpfFuncId.skc_to_tcp_sock)).toBe(true);
    expect(gives(BpfFuncId.skc_to_tcp6_sock)).toBe(false);
    set({ skc_family: 10 });
    expect(gives(BpfFuncId.skc_to_tcp6_sock)).toBe(true);
    expect(gives(BpfFuncId.skc_to_udp6_sock)).toBe(false);
    setProtocol(17, 2);
    expect(gives(BpfFuncId.skc_to_udp6_sock)).toBe(true);
    expect(gives(BpfFuncId.tcp_sock)).toBe(false);
    expect(gives(BpfFuncId.skc_to_unix_sock)).toBe(false);
    set({ skc_family: 1 });
    expect(gives(BpfFuncId.skc_to_unix_sock)).toBe(true);
  });

  it("listening ones that need no reference", () => {
    set({ skc_state: TcpState.LISTEN });
    expect(gives(BpfFuncId.get_listener_sock)).toBe(false);
    set({ flags: 1 << 23 });
    expect(gives(BpfFuncId.get_listener_sock)).toBe(true);
    set({ skc_state: TcpState.ESTABLISHED });
    expect(gives(BpfFuncId.get_listener_sock)).toBe(false);
  });

  it("NULL, and what is no socket, are none", () => {
    expect(bench.invoke(BpfFuncId.sk_fullsock, 0)).toBe(0);
    expect(bench.invoke(BpfFuncId.sk_fullsock, sock + 8)).toBe(0);
    expect(bench.invoke(BpfFuncId.sk_fullsock, 0xffff_fff0)).toBe(0);
  });
});

describe("references and owners", () => {
  const references = () => bench.get32("sock_common", sock, "skc_refcnt");

  it("are given back, unless the socket is not counted", () => {
    set({ refcnt: 3 });
    expect(bench.invoke(BpfFuncId.sk_release, sock)).toBe(0);
    expect(references()).toBe(2);
    set({ flags: 1 << 23 });
    bench.invoke(BpfFuncId.sk_release, sock);
    expect(references()).toBe(2);
    set({ skc_state: TcpState.TIME_WAIT });
    bench.invoke(BpfFuncId.sk_release, sock);
    expect(references()).toBe(1);
  });

  it("whose a packet's socket is", () => {
    const skb = bench.memory.alloc(bench.layout.sizeOf("sk_buff"));
    expect(bench.invoke(BpfFuncId.get_socket_uid, skb)).toBe(65_534);
    bench.set32("sk_buff", skb, "sk", sock);
    bench.set32("sock", sock, "sk_uid", 1000);
    expect(bench.invoke(BpfFuncId.get_socket_uid, skb)).toBe(1000);
  });
});
