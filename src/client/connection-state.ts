/** `open`: events come. `lost`: it is being made again. `closed`: it is over. */
export type ConnectionState = "open" | "lost" | "closed";
