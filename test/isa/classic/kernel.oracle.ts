import fc from "fast-check";
import { expect, it } from "vitest";
import { hexOf } from "../../../src/base/index.ts";
import { buildCfg, orderOf } from "../../../src/cfg/index.ts";
import {
  ClassicMachine,
  classicProblem,
  encode,
  encodeClassic,
  SKF_AD_OFF,
  type SockFilter,
  translateClassic,
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

/** Loads each eBPF program as a socket filter, attaches it and sends packets through it; prints as above. */
const FILTER_EXTENDED = `
import ctypes, errno, os, socket, struct, sys
SYS_BPF, BPF_PROG_LOAD, SOCKET_FILTER, SO_ATTACH_BPF = 321, 5, 1, 50
libc = ctypes.CDLL(None, use_errno=True)
for line in sys.stdin:
    program, *packets = [bytes.fromhex(part) for part in line.split()]
    insns, licence, log = ctypes.create_string_buffer(program), ctypes.create_string_buffer(b"GPL"), ctypes.create_string_buffer(65536)
    attr = struct.pack("IIQQIIQ", SOCKET_FILTER, len(program) // 8, ctypes.addressof(insns), ctypes.addressof(licence), 1, 65536, ctypes.addressof(log))
    fd = libc.syscall(SYS_BPF, BPF_PROG_LOAD, attr, len(attr))
    if fd < 0:
        print(errno.errorcode[ctypes.get_errno()], log.value.decode().split("\\n")[-3:])
        continue
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        there.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, fd)
        os.close(fd)
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

interface Case {
  readonly program: readonly SockFilter[];
  readonly packets: readonly Uint8Array[];
}

function attach(cases: readonly Case[]): string[] {
  return send(
    FILTER_PACKETS,
    cases.map(({ program, packets }) => [encodeClassic(program), ...packets]),
  );
}

function send(script: string, lines: readonly (readonly Uint8Array[])[]): string[] {
  const input = lines.map((parts) => `${parts.map(hexOf).join(" ")}\n`).join("");
  const { stdout, stderr } = python.run(["-c", script], { input });
  expect(stderr).toBe("");
  return stdout.split("\n").slice(0, -1);
}

/**
 * What the machine keeps of these packets: they have no link-layer header and no device, and their network header
 * begins with them.
 */
function kept({ program, packets }: Case): string {
  const machine = new ClassicMachine(program);
  return packets.map((bytes) => Math.min(machine.run(bytes, { network: 0 }), bytes.length)).join(" ");
}

function casesOf(programs: fc.Arbitrary<SockFilter[]>, numRuns: number, seed: number): Case[] {
  const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { minLength: 3, maxLength: 3 });
  return fc
    .sample(fc.tuple(programs, packets), { numRuns, seed })
    .map(([program, packets]) => ({ program, packets }));
}

/** Other than ours by nature: the CPU and random numbers. */
const varies = ({ code, k }: SockFilter): boolean =>
  [0x20, 0x28, 0x30].includes(code) && [36, 56].includes((k >>> 0) - SKF_AD_OFF);

const isHatype = ({ code, k }: SockFilter): boolean =>
  [0x20, 0x28, 0x30].includes(code) && (k >>> 0) - SKF_AD_OFF === 28;

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
    const cases = casesOf(
      validProgram.filter((program) => !program.some(varies)),
      4000,
      4,
    );
    const ours = cases.map(kept);
    expect(ours).toEqual(attach(cases));
    expect(new Set(ours).size).toBeGreaterThan(500);
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

  it("take translated programs as eBPF, and keep the same bytes", () => {
    const possible = validProgram.filter((program) => {
      if (program.some(varies) || program.some(isHatype)) return false;
      const { insns, calls } = translateClassic(program);
      if (calls.length > 0) return false;
      // The verifier refuses code that nothing reaches.
      const cfg = buildCfg(insns);
      return orderOf(cfg).preorder.length === cfg.blockCount;
    });
    const cases = casesOf(possible, 400, 5);
    const verdicts = send(
      FILTER_EXTENDED,
      cases.map(({ program, packets }) => [encode(translateClassic(program).insns), ...packets]),
    );
    expect(cases.map(kept)).toEqual(verdicts);
  });
});
