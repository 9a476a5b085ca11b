/** A count with separators: `1,234,567`. */
export function countText(value: number | bigint): string {
  return String(value).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A count of things: `1 packet`, `3,755 packets`. */
export function quantityText(count: number, thing: string, things = `${thing}s`): string {
  return `${countText(count)} ${count === 1 ? thing : things}`;
}

const UNITS = ["", " k", " M", " G", " T"] as const;

/** A quantity of three digits and a unit of thousands: `31.2 k`. */
export function shortText(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)}${UNITS[unit]!}`;
}

/** A duration: `1.25 s`, `310 ms`, `4.1 µs`, `77 ns`. */
export function durationText(seconds: number): string {
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  if (seconds >= 1e-3) return `${(seconds * 1e3).toFixed(seconds >= 0.1 ? 0 : 1)} ms`;
  if (seconds >= 1e-6) return `${(seconds * 1e6).toFixed(seconds >= 1e-4 ? 0 : 1)} µs`;
  return `${(seconds * 1e9).toFixed(0)} ns`;
}

/** A share: `98.5 %`; what is more than nothing never looks like nothing. */
export function percentText(part: number, whole: number): string {
  if (whole === 0) return "0 %";
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.1) return "<0.1 %";
  return `${percent.toFixed(1)} %`;
}
