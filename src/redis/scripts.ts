import { script } from "./script.js";

/**
 * Appends a batch of one producer to a run and publishes it. An empty batch only says that the
 * producer lives.
 *
 * Lines of the batch, of what is published, and of what is kept begin with a letter: `e` an event, `t` an event that is not
 * kept, `l` the number of events lost here, `c` the run was closed, with its outcome, `d` the producer leaves, `x` the run
 * was evicted. What is published begins with the line `<epoch> <seq before> <o if the run begins or goes on, else ->`.
 */
export const append = script(
  "append",
  `
local given = cjson.decode(ARGV[1])
local meta, events, traces = KEYS[1], KEYS[2], KEYS[3]
local now = millis()
local known = call('HMGET', meta, 'epoch', 'seq', 'state', 'before', 'lease', 'outcome', 'batch:' .. given.relay)
local epoch, seq, state = known[1], tonumber(known[2] or 0), known[3]
local lease = tonumber(known[5] or 0)

-- Sent again, because the answer was lost.
if epoch and tonumber(known[7] or 0) >= given.batch then return { 'taken', epoch, text(seq) } end

local opened = false
if not epoch or (given.bound == '' and state == 'closed') then
  call('DEL', meta, events, traces)
  if epoch then
    call('HSET', meta, 'before', epoch, 'beforeSeq', text(seq), 'beforeOutcome', known[6] or 'unknown')
  end
  epoch, seq, state, lease, opened = given.epoch, 0, 'open', 0, true
  call('HSET', meta, 'epoch', epoch, 'start', text(given.start))
elseif given.bound ~= '' and (state == 'closed' or (given.bound ~= epoch and known[4])) then
  return { 'sealed', epoch, text(seq) }
elseif state == 'detached' or lease < now then
  state, opened = 'open', true
end

local from = seq
local lines = {}
local kept = false
local function lost(count)
  seq = seq + count
  call('XADD', events, text(seq) .. '-0', 'l', text(count))
  lines[#lines + 1] = 'l' .. text(count)
  kept = true
end

-- The server forgot what it had taken, as after a failover: its seqs are not given again.
if given.bound == epoch and seq < given.seq then lost(given.seq - seq) end

local outcome = false
local leaves = false
for index = 2, #ARGV do
  local line = ARGV[index]
  local kind = string.sub(line, 1, 1)
  if kind == 'e' then
    seq = seq + 1
    call('XADD', events, text(seq) .. '-0', 'e', string.sub(line, 2))
    lines[#lines + 1] = line
    kept = true
  elseif kind == 't' then
    seq = seq + 1
    lines[#lines + 1] = line
  elseif kind == 'l' then
    lost(tonumber(string.sub(line, 2)))
  elseif kind == 'c' then
    outcome = string.sub(line, 2)
  elseif kind == 'd' then
    leaves = true
  end
end

if leaves then
  call('HDEL', meta, 'lease:' .. given.relay)
  lease = 0
  local fields = call('HGETALL', meta)
  for index = 1, #fields, 2 do
    if string.sub(fields[index], 1, 6) == 'lease:' then lease = math.max(lease, tonumber(fields[index + 1])) end
  end
  if lease < now and not outcome then
    state, outcome = 'detached', 'detached'
    lines[#lines + 1] = 'd'
  end
else
  lease = math.max(lease, now + given.leaseMillis)
  call('HSET', meta, 'lease:' .. given.relay, text(now + given.leaseMillis))
end
if outcome and state ~= 'detached' then
  state = 'closed'
  lines[#lines + 1] = 'c' .. outcome
end

call('HSET', meta, 'seq', text(seq), 'state', state, 'lease', text(lease), 'batch:' .. given.relay, text(given.batch))
if outcome then call('HSET', meta, 'outcome', outcome) end
if given.last then call('HSET', meta, 'last', text(given.last)) end
for field, value in pairs(given.once) do call('HSETNX', meta, field, value) end
for field, count in pairs(given.counts) do call('HINCRBY', meta, field, text(count)) end
for _, trace in ipairs(given.traces) do
  if call('SCARD', traces) < 100 then call('SADD', traces, trace) end
end

if kept then
  local surplus = call('XLEN', events) - given.historyPerRun
  if surplus > 0 then
    local gone = call('XRANGE', events, '-', '+', 'COUNT', text(surplus))
    call('HSET', meta, 'lost', string.match(gone[#gone][1], '^%d+'))
    call('XTRIM', events, 'MAXLEN', text(given.historyPerRun))
  end
end
local keep = given.retentionMillis
if state == 'open' then keep = keep + given.leaseMillis end
for _, key in ipairs(KEYS) do call('PEXPIRE', key, text(keep)) end

if #lines > 0 or opened then
  call('PUBLISH', given.channel, epoch .. ' ' .. text(from) .. ' ' .. (opened and 'o' or '-') .. '\\n' .. table.concat(lines, '\\n'))
end
return { 'taken', epoch, text(seq) }
`,
);

/**
 * Where a run stands, and the entries behind a cursor: all of them where the cursor is not of this epoch, none without one.
 * False for a run that is not known.
 */
export const read = script(
  "read",
  `
local meta, events = KEYS[1], KEYS[2]
local known = call('HMGET', meta, 'epoch', 'seq', 'lost', 'state', 'outcome', 'lease', 'before', 'beforeSeq', 'beforeOutcome')
if not known[1] then return false end
local reply = {
  known[1], known[2], known[3] or '0', known[4], known[5] or '', text(tonumber(known[6]) - millis()),
  known[7] or '', known[8] or '0', known[9] or '',
}
if ARGV[1] == 'standing' then return reply end
local from = '-'
if ARGV[1] == known[1] and tonumber(ARGV[2]) <= tonumber(known[2]) then from = '(' .. ARGV[2] .. '-0' end
for _, entry in ipairs(call('XRANGE', events, from, '+')) do
  reply[#reply + 1] = string.match(entry[1], '^%d+')
  reply[#reply + 1] = entry[2][1] .. entry[2][2]
end
return reply
`,
);

/** Everything that the list of runs shows of one. */
export const describe = script(
  "describe",
  `
local fields = call('HGETALL', KEYS[1])
if #fields == 0 then return false end
return { text(millis()), fields, call('SMEMBERS', KEYS[3]) }
`,
);

/** Puts runs to the front of the list. Returns those beyond its end. */
export const touch = script(
  "touch",
  `
local now = millis()
for index = 3, #ARGV do call('ZADD', KEYS[1], text(now), ARGV[index]) end
if call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then call('PEXPIRE', KEYS[1], ARGV[1]) end
local surplus = call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
if surplus <= 0 then return {} end
return call('ZRANGE', KEYS[1], '0', text(surplus - 1))
`,
);

/** The runs of the list, newest activity first. */
export const list = script("list", "return call('ZREVRANGE', KEYS[1], '0', '-1')");

/** Takes runs from the list. */
export const unlist = script("unlist", "return call('ZREM', KEYS[1], unpack(ARGV))");

/** Takes a run's events, and its identity unless it is open. */
export const evict = script(
  "evict",
  `
local meta, events, traces = KEYS[1], KEYS[2], KEYS[3]
local known = call('HMGET', meta, 'epoch', 'seq', 'state', 'lease')
if not known[1] then return 0 end
if known[3] == 'open' and tonumber(known[4]) >= millis() then
  call('DEL', events)
  call('HSET', meta, 'lost', known[2])
else
  call('DEL', meta, events, traces)
end
call('PUBLISH', ARGV[1], known[1] .. ' ' .. known[2] .. ' -\\nx')
return 1
`,
);
