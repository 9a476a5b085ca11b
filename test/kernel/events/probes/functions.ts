import { SyscallX64 } from "../../../../src/uapi/index.ts";
import type { Passing, Workbench } from "./workbench.ts";

const EBADF = 9;
const ESRCH = 3;
const INT_MAX = 0x7fff_ffff;

/** Functions that a process enters with what it likes, and that do nothing. */
export function passings({ syscall }: Pick<Workbench, "syscall">) {
  const send = [-1, 0x11_2233_4455n, 0x66_7788_99aan, 0x4000, 0, 0x77] as const;
  return {
    /** Six arguments: all that go into registers. */
    send: {
      name: "__sys_sendto",
      args: send,
      result: -EBADF,
      call: () => syscall(SyscallX64.sendto, ...send),
    },
    socket: {
      name: "__sys_socket",
      args: [99, 1, 2],
      result: -97,
      call: () => syscall(SyscallX64.socket, 99, 1, 2),
    },
    /** A hook of LSM on its way: somebody asks for the group of a process, which is our own. */
    group: {
      name: "security_task_getpgid",
      args: [0],
      result: 0,
      call: () => Math.min(syscall(SyscallX64.getpgid, process.pid), 0),
    },
    /** The system call itself: of a process that there is not. */
    missing: {
      name: "__x64_sys_getpgid",
      args: [0],
      result: -ESRCH,
      call: () => syscall(SyscallX64.getpgid, INT_MAX),
    },
  } satisfies Record<string, Passing>;
}
