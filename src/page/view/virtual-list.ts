import { h, type JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface RowParts {
  readonly class?: string;
  readonly label: string;
  /** Further attributes of the row, such as the level of a tree item. */
  readonly aria?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly content: JSX.Element | readonly JSX.Element[];
}

interface VirtualListProps {
  /** Unique in the page: ids of the rows are made from it. */
  readonly id: string;
  readonly kind: "listbox" | "tree";
  readonly label: string;
  readonly count: number;
  readonly rowHeight: number;
  /** Index of the row that the keys move; -1 for none. */
  readonly active: number;
  readonly row: (index: number) => RowParts;
  /** A key moved there. */
  readonly onActive: (index: number) => void;
  /** Enter, or a click. */
  readonly onOpen: (index: number) => void;
  /** Any other key; true when it meant something. */
  readonly onKey?: (key: string) => boolean;
  /** Goes to the end, and from then on stays there while rows come, unless the reader scrolls away. */
  readonly follow?: boolean;
  /** Drawn behind the rows, over their whole height. */
  readonly behind?: JSX.Element;
}

const AROUND = 6;

/** A list of any length, of which only what can be seen is in the document. One stop for the tab key; arrows move in it. */
export function VirtualList(props: VirtualListProps): JSX.Element {
  const { id, kind, label, count, rowHeight, active, row, follow = false } = props;
  const frame = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const follows = useRef(false);
  /** Where the keys go on when no row is active any more. */
  const left = useRef(-1);
  if (active >= 0) left.current = active;
  const at = Math.min(left.current, count - 1);
  const [view, setView] = useState({ top: 0, height: 600 });

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = frame.current;
    follows.current ||= follow;
    if (element && follows.current && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [count, follow]);

  useLayoutEffect(() => {
    const element = frame.current;
    if (!element || active < 0) return;
    const top = active * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + rowHeight - element.clientHeight;
    }
  }, [active, rowHeight]);

  const first = Math.max(0, Math.min(count, Math.floor(view.top / rowHeight)) - AROUND);
  const last = Math.min(count, Math.ceil((view.top + view.height) / rowHeight) + AROUND);
  const rows: JSX.Element[] = [];
  for (let index = first; index < last; index += 1) {
    const { class: name = "", label: rowLabel, aria, content } = row(index);
    rows.push(
      h(
        "div",
        {
          key: index,
          id: `${id}-${index}`,
          role: kind === "tree" ? "treeitem" : "option",
          class: `row ${name}${index === active ? " active" : ""}`,
          style: { top: `${index * rowHeight}px`, height: `${rowHeight}px` },
          "aria-label": rowLabel,
          "aria-selected": index === active ? "true" : "false",
          "aria-setsize": count,
          "aria-posinset": index + 1,
          ...aria,
          onClick: () => props.onOpen(index),
        },
        content as JSX.Element,
      ),
    );
  }

  return h(
    "div",
    {
      ref: frame,
      id,
      role: kind,
      class: "scroll",
      tabIndex: 0,
      "aria-label": label,
      ...(at >= first && at < last && { "aria-activedescendant": `${id}-${at}` }),
      onScroll: ({ currentTarget }: { currentTarget: HTMLElement }) => {
        const { scrollTop, clientHeight, scrollHeight } = currentTarget;
        atEnd.current = scrollTop + clientHeight >= scrollHeight - rowHeight / 2;
        setView({ top: scrollTop, height: clientHeight });
      },
      onKeyDown: (event: KeyboardEvent) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
        const to = target(event.key, at, count, page);
        if (to !== undefined) props.onActive(to);
        else if (event.key === "Enter" && at >= 0) props.onOpen(at);
        else if (!props.onKey?.(event.key)) return;
        event.preventDefault();
      },
    },
    h("div", { class: "sizer", role: "presentation", style: { height: `${count * rowHeight}px` } }, props.behind, rows),
  );
}

/** Where a key leads. */
function target(key: string, active: number, count: number, page: number): number | undefined {
  if (count === 0) return undefined;
  const within = (index: number): number => Math.min(count - 1, Math.max(0, index));
  switch (key) {
    case "ArrowDown":
      return within(active + 1);
    case "ArrowUp":
      return within(active - 1);
    case "PageDown":
      return within(active + page);
    case "PageUp":
      return within(active - page);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}
