const titles = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  414: "URI Too Long",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

/** Why a request is not met, as RFC 9457 writes it. What it says is for the client to read. */
export class Problem extends Error {
  readonly status: keyof typeof titles;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: keyof typeof titles, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.headers = headers;
  }

  response(): Response {
    const problem = { type: "about:blank", title: titles[this.status], status: this.status, detail: this.message };
    return new Response(JSON.stringify(problem), {
      status: this.status,
      headers: { "Content-Type": "application/problem+json", ...this.headers },
    });
  }
}
