import { BpfAttachType as A } from "../../uapi/index.ts";
import type { Machine } from "../machine.ts";
import { runCgroupPrograms } from "./cgroup-run.ts";
import type { KernelSocket } from "./socket.ts";
import { addressesOf, type SocketAddress } from "./socket-address.ts";
import { Family } from "./socket-struct.ts";
import { withStruct } from "./with-struct.ts";

/** `sizeof(struct sockaddr_storage)` */
const STORAGE = 128;

/** Where an address lies in `struct sockaddr_in` and `struct sockaddr_in6`; the port of both is behind the family. */
const Place = { PORT: 2, INET: 4, INET6: 8 } as const;

/** What is about to be done with an address, by family. */
const HOOKS = {
  bind: { inet: A.CGROUP_INET4_BIND, inet6: A.CGROUP_INET6_BIND },
  connect: { inet: A.CGROUP_INET4_CONNECT, inet6: A.CGROUP_INET6_CONNECT },
} as const;

/**
 * `__cgroup_bpf_run_filter_sock_addr`: programs of the socket's control groups look at an address that user space gave,
 * and may change it. @returns what they left, or a negative errno.
 */
export function runSockAddr(
  machine: Machine,
  socket: KernelSocket,
  call: keyof typeof HOOKS,
  { address, port }: SocketAddress,
): SocketAddress | number {
  const { family, cgroup } = socket.parts;
  if (family !== Family.INET && family !== Family.INET6) return { address, port };
  const isV4 = family === Family.INET;
  const [place, size] = isV4 ? [Place.INET, 4] : [Place.INET6, 16];
  return machine.contexts.use(STORAGE, (given) =>
    withStruct(machine, "bpf_sock_addr_kern", (context) => {
      const view = machine.memory.view();
      view.setUint16(given, family, true);
      view.setUint16(given + Place.PORT, port);
      const { ipv4, ipv6 } = addressesOf(family, address);
      machine.memory.bytes().set(ipv6 ?? ipv4, given + place);
      context.point("sk", socket.offset);
      context.point("uaddr", given);
      const refusal = runCgroupPrograms(machine, {
        group: cgroup,
        attachType: HOOKS[call][isV4 ? "inet" : "inet6"],
        context: context.offset,
        run: (...run) => machine.runForEvent(...run),
      });
      if (refusal < 0) return refusal;
      const left = machine.memory.bytes().slice(given + place, given + place + size);
      return { address: left, port: machine.memory.view().getUint16(given + Place.PORT) };
    }),
  );
}
