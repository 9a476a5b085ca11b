import { describe, expect, it } from "vitest";
import type { ContextKind, HelperCall } from "../../src/helpers/index.ts";
import { createHelpers } from "../../src/helpers/index.ts";
import { RegionAccess } from "../../src/mem/index.ts";
import { BpfFuncId } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

/** Two sockets, and what a program of a kind is given for each. */
function contexts(kind: ContextKind, pointer: string | null) {
  const bench = new HelperBench();
  const { layout, memory } = bench;
  const body = createHelpers(layout, kind).get(BpfFuncId.get_socket_cookie)!.body;
  if (body.kind !== "host") throw new Error("expected a host body");
  let cookies = 2 ** 32 + 5;
  const call: HelperCall = {
    memory,
    cpu: 0,
    context: 0,
    resultHigh: 0,
    services: { ...bench.call.services, socketCookie: () => cookies++ },
    stopped: false,
    callBack: () => false,
  };
  const socket = () => bench.block(layout.sizeOf("sock"), RegionAccess.READ, "struct sock");
  const context = (sock: number) => {
    if (pointer === null) return sock;
    const at = bench.block(layout.sizeOf(pointer.split(".")[0]!), RegionAccess.READ, "context");
    memory.view().setUint32(at + layout.offset(pointer), sock, true);
    return at;
  };
  const cookieOf = (at: number) => (body.call(call, at) >>> 0) + call.resultHigh * 2 ** 32;
  return { cookieOf, one: context(socket()), other: context(socket()), none: context(0), wild: context(64) };
}

describe("bpf_get_socket_cookie", () => {
  it.each([
    ["skb", "sk_buff.sk"],
    ["sock", null],
    ["sockAddr", "bpf_sock_addr_kern.sk"],
    ["sockOps", "bpf_sock_ops_kern.sk"],
    ["other", null],
  ] as const)("of a context of kind %s", (kind, pointer) => {
    const { cookieOf, one, other, none, wild } = contexts(kind, pointer);
    expect(cookieOf(one)).toBe(2 ** 32 + 5);
    expect(cookieOf(other)).toBe(2 ** 32 + 6);
    expect(cookieOf(one)).toBe(2 ** 32 + 5);
    expect([cookieOf(none), cookieOf(wild)]).toEqual([0, 0]);
  });
});
