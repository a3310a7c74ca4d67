import { setTimeout as sleep } from "node:timers/promises";
import { type Attributes, type Span, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";

/** Who works: an agent and the model that it thinks with. */
export interface Persona {
  readonly name: string;
  readonly provider: string;
  readonly model: string;
}

/** One answer of a model. */
export interface Turn {
  /** What it is told. */
  readonly reads: string;
  /** What it says, or `calls` tools. */
  readonly says?: string;
  readonly calls?: readonly string[];
  readonly tokens: readonly [input: number, output: number];
  readonly seconds: number;
}

/** One call of a tool. */
export interface Call {
  readonly arguments: object;
  readonly seconds: number;
  /** What it gives, or the error that it throws. */
  readonly result: string | Error;
}

/**
 * What an instrumentation of an agent framework does, by hand: spans and span events after OpenTelemetry's conventions for
 * generative AI. Nothing in it knows of a bus. Every time varies a little.
 *
 * @see https://github.com/open-telemetry/semantic-conventions-genai
 */
export class Stage {
  readonly #tracer: Tracer;
  readonly #speed: number;
  readonly #signal: AbortSignal;

  constructor(tracer: Tracer, { speed, signal }: { readonly speed: number; readonly signal: AbortSignal }) {
    this.#tracer = tracer;
    this.#speed = speed;
    this.#signal = signal;
  }

  get isOver(): boolean {
    return this.#signal.aborted;
  }

  /** About so many seconds, at once when it is over. */
  async pause(seconds: number): Promise<void> {
    await this.lasts(seconds).catch(() => undefined);
  }

  /** An agent at work on a request; `work` gives its answer. */
  agent(persona: Persona, request: string, work: (actor: Actor) => Promise<string>): Promise<string> {
    const attributes = {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": persona.name,
      "gen_ai.provider.name": persona.provider,
      "gen_ai.request.model": persona.model,
      "gen_ai.input.messages": message("user", request),
    };
    return this.traced(`invoke_agent ${persona.name}`, SpanKind.INTERNAL, attributes, async (span) => {
      const answer = await work(new Actor(this, persona, span));
      span.setAttribute("gen_ai.output.messages", message("assistant", answer));
      return answer;
    });
  }

  /** Runs `work` in a span that ends with it, as failed if it throws or if all is over. */
  traced<T>(name: string, kind: SpanKind, attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T> {
    return this.#tracer.startActiveSpan(name, { kind, attributes }, async (span) => {
      try {
        return await work(span);
      } catch (error) {
        const { name: type, message: text } = error as Error;
        span.recordException(error as Error);
        span.setAttribute("error.type", type);
        span.setStatus({ code: SpanStatusCode.ERROR, message: text });
        throw error;
      } finally {
        span.end();
      }
    });
  }

  /** About so many seconds. @throws AbortError when all is over. */
  async lasts(seconds: number): Promise<void> {
    const varied = (seconds * 1000 * (0.7 + 0.6 * Math.random())) / this.#speed;
    await sleep(varied, undefined, { signal: this.#signal });
  }
}

/** An agent, as it is seen from inside its work. */
export class Actor {
  readonly #stage: Stage;
  readonly #persona: Persona;
  readonly #span: Span;

  constructor(stage: Stage, persona: Persona, span: Span) {
    this.#stage = stage;
    this.#persona = persona;
    this.#span = span;
  }

  /** The model answers at once. */
  async thinks(turn: Turn): Promise<string> {
    return this.#chat(turn, async () => this.#stage.lasts(turn.seconds));
  }

  /** The model answers word by word. */
  async streams(turn: Turn): Promise<string> {
    return this.#chat(turn, async (span) => {
      const words = (turn.says ?? "").split(/(?<= )/);
      const began = performance.now();
      await this.#stage.lasts(turn.seconds * 0.2);
      const firstMillis = performance.now() - began;
      span.addEvent("agent.model.first_chunk", {
        model: this.#persona.model,
        agentName: this.#persona.name,
        timeToFirstChunkMillis: firstMillis,
      });
      for (const word of words) {
        span.addEvent("agent.model.chunk", { text: word });
        await this.#stage.lasts((turn.seconds * 0.8) / words.length);
      }
      span.setAttribute("gen_ai.response.time_to_first_chunk", firstMillis / 1000);
    });
  }

  /** @throws the error that the call gives. */
  uses(tool: string, call: Call): Promise<string> {
    return this.#tool(tool, "function", call.arguments, async () => {
      await this.#stage.lasts(call.seconds);
      if (call.result instanceof Error) throw call.result;
      return call.result;
    });
  }

  /** Another agent, called as a tool. */
  delegates(tool: string, to: Persona, task: string, work: (actor: Actor) => Promise<string>): Promise<string> {
    return this.#tool(tool, "function", { task }, () => this.#stage.agent(to, task, work));
  }

  /** Another agent takes over. */
  handsOver(to: Persona, task: string, work: (actor: Actor) => Promise<string>): Promise<string> {
    this.#span.addEvent("agent.handoff", { from: this.#persona.name, to: to.name });
    return this.#stage.agent(to, task, work);
  }

  /** A search in a knowledge source. */
  async retrieves(source: string, query: string, documents: readonly string[]): Promise<void> {
    const attributes = {
      "gen_ai.operation.name": "retrieval",
      "gen_ai.data_source.id": source,
      "gen_ai.retrieval.query.text": query,
    };
    await this.#stage.traced(`retrieval ${source}`, SpanKind.CLIENT, attributes, async (span) => {
      await this.#stage.lasts(0.3);
      span.setAttribute("gen_ai.retrieval.documents", JSON.stringify(documents.map((id) => ({ id }))));
    });
  }

  /** A check of what comes in. @throws when it objects. */
  async isChecked(guardrail: string, input: string, objection?: string): Promise<void> {
    const attributes = {
      "gen_ai.operation.name": "apply_guardrail",
      "gen_ai.guardrail.name": guardrail,
      "gen_ai.guardrail.input": input,
    };
    await this.#stage.traced(`apply_guardrail ${guardrail}`, SpanKind.INTERNAL, attributes, async (span) => {
      await this.#stage.lasts(0.2);
      span.setAttribute("gen_ai.guardrail.status", objection === undefined ? "PASSED" : "FAILED");
      if (objection !== undefined) span.setAttribute("gen_ai.guardrail.output", objection);
    });
    if (objection !== undefined) throw Object.assign(new Error(objection), { name: "GuardrailTriggered" });
  }

  async #chat(turn: Turn, answers: (span: Span) => Promise<void>): Promise<string> {
    const { provider, model } = this.#persona;
    const { reads, says = "", calls = [], tokens } = turn;
    const attributes = {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": provider,
      "gen_ai.request.model": model,
      "gen_ai.input.messages": message("user", reads),
    };
    return this.#stage.traced(`chat ${model}`, SpanKind.CLIENT, attributes, async (span) => {
      await answers(span);
      span.setAttributes({
        "gen_ai.response.model": model,
        "gen_ai.response.finish_reasons": [calls.length > 0 ? "tool_calls" : "stop"],
        "gen_ai.usage.input_tokens": tokens[0],
        "gen_ai.usage.output_tokens": tokens[1],
        "gen_ai.output.messages": calls.length > 0 ? toolCalls(calls) : message("assistant", says),
      });
      return says;
    });
  }

  #tool(name: string, type: string, input: object, work: () => Promise<string>): Promise<string> {
    const attributes = {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": name,
      "gen_ai.tool.type": type,
      "gen_ai.tool.call.id": `call_${crypto.randomUUID().slice(0, 8)}`,
      "gen_ai.tool.call.arguments": JSON.stringify(input),
    };
    return this.#stage.traced(`execute_tool ${name}`, SpanKind.INTERNAL, attributes, async (span) => {
      const result = await work();
      span.setAttribute("gen_ai.tool.call.result", result);
      return result;
    });
  }
}

function message(role: "user" | "assistant", content: string): string {
  return JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
}

function toolCalls(names: readonly string[]): string {
  return JSON.stringify([{ role: "assistant", parts: names.map((name) => ({ type: "tool_call", name })) }]);
}
