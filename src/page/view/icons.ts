import { h, type JSX } from "preact";

const shapes = {
  completed: "M3.5 8.5l3 3 6-7",
  failed: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  cancelled: "M4 8h8",
  unknown: "M8 4v5M8 11.6v.2",
  warning: "M8 2.5l6 11H2zM8 7v3M8 11.7v.1",
  close: "M4 4l8 8M12 4l-8 8",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5L14 14",
  folded: "M6 4l4 4-4 4",
  unfolded: "M4 6l4 4 4-4",
} as const;

export type IconName = keyof typeof shapes;

/** A drawing beside words that say the same. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return h(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", width: "14", height: "14", "aria-hidden": "true" },
    h("path", { d: shapes[name] }),
  );
}

/** How a run or a span stands. A running one is a dot that breathes. */
export function StateIcon({ state }: { readonly state: string }): JSX.Element {
  if (state === "open" || state === "running") return h("span", { class: "state running", "aria-hidden": "true" });
  const name = state === "completed" || state === "failed" || state === "cancelled" ? state : "unknown";
  return h("span", { class: `state ${name}` }, h(Icon, { name }));
}

/** The sign of the house: spans, one below the other. */
export function Logo(): JSX.Element {
  return h(
    "svg",
    { class: "logo", viewBox: "0 0 24 24", width: "24", height: "24", "aria-hidden": "true" },
    h("rect", { class: "agent", x: "2", y: "4", width: "20", height: "4", rx: "2" }),
    h("rect", { class: "model", x: "5", y: "10", width: "9", height: "4", rx: "2" }),
    h("rect", { class: "tool", x: "13", y: "16", width: "7", height: "4", rx: "2" }),
  );
}
