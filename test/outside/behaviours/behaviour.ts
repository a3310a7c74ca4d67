/** What must be so in every cell of the table: a sentence, and the function that throws where it is not so. */
export type Behaviours = Readonly<Record<string, () => void | Promise<void>>>;
