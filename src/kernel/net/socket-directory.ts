import type { SocketDirectory, SocketQuery } from "../../helpers/index.ts";
import { BpfAttachType, Errno } from "../../uapi/index.ts";
import type { EventMachine } from "../hooks/event-machine.ts";
import { Firing } from "../hooks/firing.ts";
import type { CongestionControls } from "./congestion-controls.ts";
import type { Namespace } from "./namespace.ts";
import { selectSocket } from "./sk-lookup-run.ts";
import { type Choice, lookUpSocket } from "./socket-lookup.ts";
import type { FoundSocket } from "./socket-table.ts";

/** What lookups need of the kernel that they are made in. */
export interface SocketMachine extends EventMachine {
  readonly congestionControls: CongestionControls;
  /** What flows are hashed with. */
  readonly flowKey: readonly number[];
  namespaceAt(offset: number): Namespace | undefined;
  socketAt(offset: number): FoundSocket | undefined;
}

/** What a socket ends with where a program ends it. */
const REASON = Errno.ECONNABORTED;

/** The sockets of a kernel, as helpers ask for them. */
export function socketDirectory(machine: SocketMachine): SocketDirectory {
  return {
    find: (query) => {
      const namespace = machine.namespaceAt(query.namespace);
      if (namespace === undefined) return 0;
      const { sockets: table } = namespace;
      const choose = () => choiceOf(machine, namespace, query);
      return lookUpSocket({ table, query, choose, key: machine.flowKey })?.hold() ?? 0;
    },
    deviceNamed: (offset, name) => {
      for (const device of machine.namespaceAt(offset)?.devices.values() ?? [])
        if (device.name === name) return device.ifindex;
      return 0;
    },
    congestion: (name) => machine.congestionControls.find(name),
    destroy: (offset) => machine.socketAt(offset)?.abort(REASON) ?? -Errno.EOPNOTSUPP,
  };
}

/** What the programs of a namespace that choose sockets say. */
function choiceOf(machine: SocketMachine, namespace: Namespace, query: SocketQuery): Choice {
  const programs = namespace.hooks.get(BpfAttachType.SK_LOOKUP)?.programs ?? [];
  if (programs.length === 0) return null;
  const firing = new Firing(machine, { cpu: query.cpu });
  const selection = selectSocket(firing, programs, query, query.device);
  if (selection === null || selection === "refused") return selection;
  const socket = namespace.sockets.at(selection.sock);
  return socket === undefined ? null : { socket, alone: selection.alone };
}
