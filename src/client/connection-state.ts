/** `open`: events come. `lost`: it was cut, or the first try failed, and it is tried again. `closed`: it is over. */
export type ConnectionState = "open" | "lost" | "closed";
