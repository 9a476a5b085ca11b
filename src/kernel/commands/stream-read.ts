import { Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

/** `prog_stream_read`: what a program has written and nobody has read. @returns how many bytes. ENOENT, EFAULT. */
export function progStreamRead(process: Process, attr: Attr): number {
  const { progFd, streamId, streamBuf, streamBufLen } = attr.fields("PROG_STREAM_READ_BY_FD");
  const program = process.program(progFd);
  const stream = program.streams[streamId - 1] ?? refuse(Errno.ENOENT);
  const bytes = stream.peek(streamBufLen);
  // Where they cannot be given, they stay.
  process.write(streamBuf, bytes);
  stream.drop(bytes.length);
  return bytes.length;
}
