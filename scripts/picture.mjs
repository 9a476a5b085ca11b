// Draws what the main job prints as docs/demo.svg, the README's picture: node scripts/picture.mjs
// The text is real output; only this script's run of it is a moment's (rates differ from run to run).
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { ROOT } from "./project.mjs";

const FONT = 13;
const ADVANCE = 7.83;
const LEADING = 18;
const PADDING = 16;
const COLOURS = { 31: "#ff7b72", 32: "#7ee787" };
/** How a terminal is told to change its style: ESC [ code m. */
const STYLE = `${String.fromCharCode(27)}\\[(\\d+)m`;

const { stdout, status } = spawnSync(process.execPath, ["bin/tsbpf.cjs", "demo"], {
  cwd: ROOT,
  env: { ...process.env, FORCE_COLOR: "1", COLUMNS: "80" },
  encoding: "utf8",
});
if (status !== 0) throw new Error(`demo: exit status ${status}`);
const lines = stdout.replace(/\n+$/, "").split("\n");

/** The runs of one line: text with what the terminal was told about it. */
function runsOf(line) {
  const runs = [];
  let style = { bold: false, dim: false, colour: null };
  // Splitting by a pattern with a group gives text and codes in turn.
  for (const [index, part] of line.split(new RegExp(STYLE)).entries()) {
    const code = index % 2 === 0 ? undefined : part;
    if (code === undefined) {
      if (part !== "") runs.push({ text: part, ...style });
    } else if (code === "1") style = { ...style, bold: true };
    else if (code === "2") style = { ...style, dim: true };
    else if (code === "22") style = { ...style, bold: false, dim: false };
    else style = { ...style, colour: COLOURS[code] ?? null };
  }
  return runs;
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function draw(line, index) {
  const spans = runsOf(line).map(({ text, bold, dim, colour }) => {
    const attributes = [
      bold ? ' font-weight="bold"' : "",
      dim ? ' fill-opacity="0.6"' : "",
      colour === null ? "" : ` fill="${colour}"`,
    ].join("");
    return `<tspan${attributes}>${escaped(text)}</tspan>`;
  });
  return `<text xml:space="preserve" x="${PADDING}" y="${PADDING + FONT + index * LEADING}">${spans.join("")}</text>`;
}

const columns = Math.max(...lines.map((line) => line.replaceAll(new RegExp(STYLE, "g"), "").length));
const width = Math.ceil(columns * ADVANCE + 2 * PADDING);
const height = lines.length * LEADING + 2 * PADDING;
writeFileSync(
  new URL("../docs/demo.svg", import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Output of npm start">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT}" fill="#e6edf3">
${lines.map(draw).join("\n")}
</g>
</svg>
`,
);
console.log(`docs/demo.svg: ${lines.length} lines, ${columns} columns`);
