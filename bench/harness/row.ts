/** What a case measured, by name of the figure. */
export type Figures = Readonly<Record<string, number>>;

/** Shows that it does its work right, or throws; then measures it. */
export type Measure = () => Promise<Figures>;

/** One candidate under one condition: measured in a process of its own, once per round. */
export interface Case {
  readonly name: string;
  /** What it does not do that the bus does. */
  readonly less?: string;
  /** Loads what is measured, and nothing else. */
  load(): Promise<Measure>;
}

/** A figure of a case, in the round that is looked at. */
export type Lookup = (name: string, figure: string) => number;

/** What is to be reached, told round by round, so that both sides saw the same machine. */
export interface Goal {
  /** Rows of the budget. */
  readonly row: string;
  readonly says: string;
  got(of: Lookup): number;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly unit?: string;
}

/** One table: cases that are compared, and the goals they are compared for. */
export interface Row {
  /** As on the command line. */
  readonly name: string;
  readonly title: string;
  /** What is done, in a few sentences. */
  readonly says: string;
  /** Columns: the name of the figure, and its heading with the unit. */
  readonly figures: Readonly<Record<string, string>>;
  /** The first one is run twice in each round: what the two differ by is noise. */
  readonly cases: readonly Case[];
  /** Candidates that cannot take part, and why. */
  readonly absent?: Readonly<Record<string, string>>;
  readonly goals: readonly Goal[];
  /** Folder of the packages it is run with; `bench` if not given. */
  readonly packages?: string;
  /** Major versions of Node it is run with; all if not given. */
  readonly nodes?: readonly number[];
  /** Rounds at most: some cases are long, and agree well. */
  readonly maxRounds?: number;
  /** The bench starts a Redis of its own, whose address the cases find in `REDIS_URL`. */
  readonly needsRedis?: boolean;
}
