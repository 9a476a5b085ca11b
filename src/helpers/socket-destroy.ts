import { RegionAccess } from "../mem/index.ts";
import type { KernelLayout } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { Kfunc } from "./helper.ts";

/** Programs that iterate over sockets end them. */
export function socketDestroyKfuncs(layout: KernelLayout): readonly Kfunc[] {
  const size = layout.sizeOf("sock");
  return [
    hostKfunc("bpf_sock_destroy", { args: ["ptr"], result: "u32" }, (call, first) => {
      const socket = first! >>> 0;
      if (!call.memory.regions.allows(socket, size, RegionAccess.READ)) return -Errno.EINVAL;
      return call.services.sockets?.destroy(socket) ?? -Errno.EOPNOTSUPP;
    }),
  ];
}
