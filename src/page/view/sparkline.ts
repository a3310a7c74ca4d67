import { h, type JSX } from "preact";

const WIDTH = 56;
const HEIGHT = 18;

/** A line without axes. It fills from the right as values come. */
export function Sparkline({ values }: { readonly values: readonly number[] }): JSX.Element {
  const most = Math.max(1, ...values);
  const step = WIDTH / 29;
  const shown = values.slice(-30);
  const points = shown.map((value, index) => {
    const x = WIDTH - (shown.length - 1 - index) * step;
    return `${x.toFixed(1)} ${(HEIGHT - 1.5 - (value / most) * (HEIGHT - 3)).toFixed(1)}`;
  });
  const line = points.length < 2 ? `M0 ${HEIGHT - 1.5}H${WIDTH}` : `M${points.join("L")}`;
  const left = WIDTH - (Math.max(1, shown.length) - 1) * step;
  const area = points.length < 2 ? "" : `${line}L${WIDTH} ${HEIGHT}L${left.toFixed(1)} ${HEIGHT}Z`;
  return h(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, "aria-hidden": "true" },
    h("path", { class: "area", d: area }),
    h("path", { class: "line", d: line }),
  );
}
