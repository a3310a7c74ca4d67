import type { Attributes } from "@opentelemetry/api";
import type { Dimensions, FigureRow, FigureTable } from "../bus/figure-table.js";

/** One series of a metric, and where its number is in `stats()`. */
export interface Series {
  readonly row: FigureRow;
  readonly attributes: Attributes;
  readonly path: readonly string[];
}

/** All series that a table makes. */
export function seriesOf({ figures, dimensions }: FigureTable): readonly Series[] {
  return Object.entries(figures).flatMap(([figure, row]) =>
    partsOf(row, dimensions).map(({ attributes, path }) => ({ row, attributes, path: [figure, ...path] })),
  );
}

type Part = Omit<Series, "row">;

/** What a figure is split into: each combination of the values of its dimensions, or the one part that it is. */
function partsOf({ by = [], is = {} }: FigureRow, dimensions: Dimensions): readonly Part[] {
  const fixed = Object.entries(is).map(([name, value]) => [dimensions[name]?.attribute, value]);
  let parts: readonly Part[] = [{ path: [], attributes: Object.fromEntries(fixed) }];
  for (const name of by) {
    const { attribute = name, values = {} } = dimensions[name] ?? {};
    parts = parts.flatMap(({ path, attributes }) =>
      Object.keys(values).map((value) => ({
        path: [...path, value],
        attributes: { ...attributes, [attribute]: value },
      })),
    );
  }
  return parts;
}
