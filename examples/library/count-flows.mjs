// tsbpf as a library: open an object compiled by clang, load it into a kernel of our own, run it on packets, read its maps.
//
//   node count-flows.mjs [OBJECT CAPTURE]          in a checkout after `npm run build`, the flow counter without arguments
//
import { readFileSync } from "node:fs";
import { EmbeddedKernel } from "tsbpf/kernel";
import { load } from "tsbpf/loader";
import { open } from "tsbpf/object";
import { packetsOf } from "tsbpf/packets";

const [objectFile, captureFile] = process.argv.slice(2);
const shipped = (name) => new URL(`../../testdata/flow/${name}`, import.meta.url);

// Opening asks no kernel anything: a spec is a value.
const spec = open(readFileSync(objectFile ?? shipped("flow.bpf.o")), { name: "flow.bpf.o" });

const kernel = new EmbeddedKernel({ cpus: 2 });
const object = load(spec, kernel);
const program = object.programs.get("count_flows");

let dropped = 0;
for (const packet of packetsOf(readFileSync(captureFile ?? shipped("traffic.pcap")))) {
  const { retval } = kernel.progTestRun({ progFd: program.fd, dataIn: packet.data });
  if (retval === 1) dropped++;
}
console.log(`${dropped} packets dropped (port ${object.globals.get("blocked_port")} is blocked)`);

// Maps are typed by the object's BTF: structs are objects, 64-bit integers are bigint, per-CPU values add up.
for (const [protocol, counts] of object.maps.get("protocols")) {
  const { packets, bytes } = counts.sum();
  if (packets > 0n) console.log({ protocol, packets, bytes });
}
object.close();
