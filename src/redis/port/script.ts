import { createHash } from "node:crypto";

/** A script of Redis: the server keeps its text and is then asked for it by its digest. */
export interface Script {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
}

/** What every script may use. A failing command is named, with its key. */
const prelude = `
if not redis.REDIS_VERSION then
  local info = redis.pcall('INFO', 'server')
  local version = type(info) == 'string' and string.match(info, 'redis_version:(%S+)') or 'older'
  return redis.error_reply('SPANBUS Redis or Valkey 7 or later is needed, this is ' .. version)
end

local function call(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) == 'table' and reply.err then
    error({ err = reply.err .. ' (' .. command .. ' ' .. key .. ')' })
  end
  return reply
end

local function text(number)
  return string.format('%.0f', number)
end

-- Which server process this is; nothing if its user may not ask.
local function serverId()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)')
end

local function millis()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
`;

export function script(name: string, body: string): Script {
  const text = prelude + body;
  return { name, text, sha: createHash("sha1").update(text).digest("hex") };
}
