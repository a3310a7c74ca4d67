/**
 * What the numbers of a `stats()` are, so that nobody has to know whose they are: metrics, their docs, and the expressions of
 * dashboard and alerts are made from such tables or checked against them.
 */
export interface FigureTable {
  /** `otel.component.type` of the metrics. */
  readonly component: string;
  readonly dimensions: Dimensions;
  /** By their keys in `stats()`, or in its `details`. */
  readonly figures: Readonly<Record<string, FigureRow>>;
  /** What a metric counts that several figures make up. */
  readonly sharedMetrics?: Readonly<Record<string, string>>;
}

/** Along what a figure is split: an attribute of its metric. */
export interface Dimension {
  readonly attribute: string;
  readonly values: Readonly<Record<string, string>>;
}

export type Dimensions = Readonly<Record<string, Dimension>>;

export interface FigureRow<Name extends string = string> {
  /** A counter only grows, an up-down counter may be summed over processes, a gauge may not. */
  readonly instrument: "counter" | "upDownCounter" | "gauge";
  readonly metric: string;
  /** UCUM, what is counted in braces. */
  readonly unit: string;
  readonly says: string;
  /** Split along these in the metric. */
  readonly by?: readonly Name[];
  /** One part of a metric that several figures make up. */
  readonly is?: { readonly [D in Name]?: string };
}

/** The numbers that rows promise: each a number, or for each value of its first dimension what the others split it into. */
export type FiguresOf<D extends Dimensions, Rows> = {
  readonly [F in keyof Rows]: Rows[F] extends { readonly by: infer By } ? Split<D, By> : number;
};

type Split<D extends Dimensions, By> = By extends readonly [infer Name extends keyof D, ...infer Rest]
  ? { readonly [V in keyof D[Name]["values"]]: Split<D, Rest> }
  : number;
