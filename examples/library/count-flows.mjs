// tsbpf as a library: open an object compiled by clang, load it into a kernel of our own, run it on packets, read its maps.
//
//   node examples/library/count-flows.mjs          in a checkout, after `npm run build`
//
import { readFileSync } from "node:fs";
import { EmbeddedKernel } from "tsbpf/kernel";
import { load } from "tsbpf/loader";
import { open } from "tsbpf/object";
import { packetsOf } from "tsbpf/packets";

const file = (path) => readFileSync(new URL(`../../${path}`, import.meta.url));

// Opening asks no kernel anything: a spec is a value.
const spec = open(file("testdata/flow/flow.bpf.o"), { name: "flow.bpf.o" });

const kernel = new EmbeddedKernel({ cpus: 2 });
const object = load(spec, kernel);
const program = object.programs.get("count_flows");

let dropped = 0;
for (const packet of packetsOf(file("testdata/flow/traffic.pcap"))) {
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
