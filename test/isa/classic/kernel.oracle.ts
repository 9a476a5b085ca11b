import fc from "fast-check";
import { expect, it } from "vitest";
import { hexOf } from "../../../src/base/index.ts";
import {
  ClassicMachine,
  classicProblem,
  encodeClassic,
  SKF_AD_OFF,
  type SockFilter,
} from "../../../src/isa/index.ts";
import { describeWith, liveKernel, referee } from "../../support/referee.ts";
import { anyInsn, op, validProgram } from "./programs.ts";

/**
 * Attaches each program to one end of a pair of datagram sockets and sends packets through it: prints the error's
 * name, or the bytes of each packet that the filter let through.
 */
const FILTER_PACKETS = `
import ctypes, errno, socket, struct, sys
SO_ATTACH_FILTER = 26
for line in sys.stdin:
    program, *packets = [bytes.fromhex(part) for part in line.split()]
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        buffer = ctypes.create_string_buffer(program)
        fprog = struct.pack("HL", len(program) // 8, ctypes.addressof(buffer))
        try:
            there.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
        except OSError as error:
            print(errno.errorcode[error.errno])
            continue
        kept = []
        for packet in packets:
            here.send(packet)
            try:
                kept.append(len(there.recv(65536, socket.MSG_DONTWAIT)))
            except BlockingIOError:
                kept.append(0)
        print(*kept)
`;

const python = referee("python3");
const kernel = liveKernel();

function attach(
  cases: readonly { program: readonly SockFilter[]; packets: readonly Uint8Array[] }[],
): string[] {
  const input = cases
    .map(({ program, packets }) => [encodeClassic(program), ...packets].map(hexOf).join(" "))
    .join("\n");
  const { stdout, stderr } = python.run(["-c", FILTER_PACKETS], { input: `${input}\n` });
  expect(stderr).toBe("");
  return stdout.split("\n").slice(0, -1);
}

/** Other than ours by nature: the CPU and random numbers. */
const varies = ({ code, k }: SockFilter): boolean =>
  [0x20, 0x28, 0x30].includes(code) && [36, 56].includes((k >>> 0) - SKF_AD_OFF);

describeWith([python, kernel], "the live kernel's socket filters", () => {
  it("accept the same programs", () => {
    const accept = op("ret", "dec", 1);
    const arbitrary = fc.array(anyInsn, { maxLength: 6 }).map((list) => [...list, accept, accept, accept]);
    const programs = [
      ...fc.sample(anyInsn, { numRuns: 3000, seed: 1 }).map((insn) => [insn, accept, accept, accept]),
      ...fc.sample(anyInsn, { numRuns: 300, seed: 2 }).map((insn) => [accept, insn]),
      ...fc.sample(arbitrary, { numRuns: 1000, seed: 3 }),
    ];
    const verdicts = attach(programs.map((program) => ({ program, packets: [] })));
    const ours = programs.map((program) => (classicProblem(program) === null ? "" : "EINVAL"));
    expect(ours).toEqual(verdicts);
    expect(ours.filter((verdict) => verdict === "").length).toBeGreaterThan(500);
  });

  it("keep the same bytes of packets", () => {
    const steady = validProgram.filter((program) => !program.some(varies));
    const packet = fc.uint8Array({ minLength: 1, maxLength: 60 });
    const sample = fc.sample(fc.tuple(steady, fc.array(packet, { minLength: 3, maxLength: 3 })), {
      numRuns: 4000,
      seed: 4,
    });
    const cases = sample.map(([program, packets]) => ({ program, packets }));
    const ours = cases.map(({ program, packets }) => {
      const machine = new ClassicMachine(program);
      // These packets have no link-layer header and no device, and their network header begins with them.
      return packets.map((bytes) => Math.min(machine.run(bytes, { network: 0 }), bytes.length)).join(" ");
    });
    expect(ours).toEqual(attach(cases));
  });

  it("refuse jumps that grow too long, and only these", () => {
    const filler = new Array<SockFilter>(2500).fill(op("ldh", "abs", 12));
    const late = [...filler, op("jeq", "hex", 1, 0, 0), op("ret", "a")];
    const far = [op("ja", "target", 2500), ...filler, op("ret", "a")];
    // Without a jump the translation succeeds, and is then too large for a socket's memory.
    const large = [...filler, op("ret", "a")];
    const verdicts = attach([late, far, large].map((program) => ({ program, packets: [] })));
    expect(verdicts).toEqual(["EINVAL", "EINVAL", "ENOMEM"]);
  });
});
