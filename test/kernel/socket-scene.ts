import { spawnSync } from "node:child_process";
import { afterAll } from "vitest";
import type { EmbeddedKernel } from "../../src/kernel/index.ts";
import { type LiveSockets, liveSockets } from "../support/live-sockets.ts";
import { Stage } from "./events/stage.ts";
import { type Side, Twins } from "./twins.ts";

/** Both kernels with a loopback device that is up, and the calls of sockets that no port has. */
export interface SocketScene {
  readonly twins: Twins;
  readonly stage: Stage;
  readonly embedded: Side;
  readonly live: Side;
  readonly kernel: EmbeddedKernel;
  readonly libc: LiveSockets;
  /** Descriptors in Linux that are closed at the end. */
  readonly opened: number[];
}

/** Sets the scene of a group of tests, and takes it away behind the last of them. */
export async function socketScene(options: Parameters<typeof Twins.meet>[0] = {}): Promise<SocketScene> {
  const twins = await Twins.meet(options);
  const stage = await Stage.set(twins);
  const libc = await liveSockets();
  const [embedded, live] = twins.sides;
  const opened: number[] = [];
  afterAll(() => {
    for (const fd of opened) live.port.close(fd);
    twins[Symbol.dispose]();
    stage[Symbol.dispose]();
  });
  spawnSync("ip", ["link", "set", "lo", "up"]);
  return { twins, stage, embedded, live, kernel: twins.kernel, libc, opened };
}
