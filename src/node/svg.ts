import { NotSupported } from "../base/index.ts";

/** Draws a graph in Graphviz's language. */
export async function renderSvg(dot: string): Promise<string> {
  const { instance } = await loadViz();
  const viz = await instance();
  return viz.renderString(dot, { format: "svg", engine: "dot" });
}

async function loadViz(): Promise<typeof import("@viz-js/viz")> {
  try {
    return await import("@viz-js/viz");
  } catch (cause) {
    throw new NotSupported("drawing a graph", {
      why: "the optional package @viz-js/viz is not installed: npm install @viz-js/viz",
      cause,
    });
  }
}
