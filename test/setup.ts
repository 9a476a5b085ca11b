import fc from "fast-check";

// The same inputs on every run, so that a change is judged by what it changed. TSBPF_SEED=N gives others; =random gives new ones each time.
const wanted = process.env["TSBPF_SEED"] ?? "1";
if (wanted !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(wanted) });
