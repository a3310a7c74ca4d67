import { script } from "./port/script.js";

/**
 * Appends a batch of one producer to a run and publishes it. An empty batch only says that the
 * producer lives, that it `leaves`, or the `outcome` of the run.
 *
 * Lines of the batch, of what is published, and of what is kept begin with a letter: `e` an event, `t` an event that is not
 * kept, `l` the number of events lost here. Published are also `c`, the run was closed, with its outcome, `d`, its last producer
 * left, `p`, that one was lost, `x`, the run was evicted. What is published begins with a line: epoch, seq before, how, and when
 * its oldest event was published, in milliseconds of the producer's clock. How is `o` if the run begins, or goes on behind an end
 * that was told; `h` if it goes on behind a silence that was not told; else `-`.
 *
 * A server that lost what it had taken, as after a failover, would give the same seqs again. A producer shows it that: its
 * last batch is missing. Where that one alone wrote the run, its numbers are left out and told as lost. Else nobody knows what
 * others were given, and the generation gets another name. So it does when the server is another one and there are, or were,
 * other producers, who may have died with it.
 *
 * Of producers that are gone for 20 leases, what they counted becomes one sum once there are many. What one of them still sends
 * after that is taken as from a new one, or, if it has sent before and never left, as from one whose events the server lost.
 */
export const append = script(
  "append",
  `
local given = cjson.decode(ARGV[1])
local meta, events, traces = KEYS[1], KEYS[2], KEYS[3]
local now = millis()
local own = 'batch:' .. given.relay
local known = call('HMGET', meta, 'epoch', 'seq', 'state', 'earlier', 'lease', 'outcome', 'formerly', 'server', own, 'kept', 'lost')
local epoch, seq, state = known[1], tonumber(known[2] or 0), known[3]
local lease, formerly, taken = tonumber(known[5] or 0), known[7] or '', tonumber(known[9] or 0)
local server = serverId()
local kept, lost = tonumber(known[10] or 0), tonumber(known[11] or 0)

-- Sent again, because the answer was lost.
if epoch and taken >= given.batch then return { 'taken', epoch, text(seq) } end

local function fieldsOf(prefix)
  local found = {}
  if not epoch then return found end
  local fields = call('HGETALL', meta)
  for index = 1, #fields, 2 do
    if string.sub(fields[index], 1, #prefix) == prefix then found[fields[index]] = fields[index + 1] end
  end
  return found
end

local function isAlone()
  if not given.alone then return false end
  for field in pairs(fieldsOf('batch:')) do
    if field ~= own then return false end
  end
  return true
end

-- Whether a producer owned the run is kept: it may not begin the next one by what it sends late.
local function sumUp()
  local fields, gone = fieldsOf(''), {}
  for name in pairs(fields) do
    local relay = string.match(name, '^batch:(.+)')
    local heard = relay and math.abs(tonumber(fields['lease:' .. relay] or 0))
    if relay and name ~= own and heard < now - 20 * given.leaseMillis then
      gone[relay] = true
      call('HDEL', meta, name, 'lease:' .. relay)
    end
  end
  local sum = {}
  local function add(line)
    local index = 0
    for count in string.gmatch(line, ' (%d+)') do
      index = index + 1
      sum[index] = (sum[index] or 0) + tonumber(count)
    end
  end
  for name, line in pairs(fields) do
    local relay = string.match(name, '^totals:.') and string.match(line, '^%S+')
    if relay and gone[relay] and string.sub(line, -2) ~= ' o' then
      add(line)
      call('HDEL', meta, name)
    end
  end
  if #sum == 0 then return end
  add(fields['totals:'] or '')
  for index, count in ipairs(sum) do sum[index] = text(count) end
  call('HSET', meta, 'totals:', '- ' .. table.concat(sum, ' '))
end

local isBound = epoch and given.bound == epoch
local wasBound = epoch and given.bound ~= '' and string.find(' ' .. formerly .. ' ', ' ' .. given.bound .. ' ', 1, true)
local opened, heardAgain = false, false
if epoch and given.bound ~= '' and not isBound and not wasBound and known[4] then return { 'sealed', epoch, text(seq) } end
-- The next generation is opened by the owner, and by another life of the run than one that is in here.
local isNext = given.bound == '' and given.owned and call('HEXISTS', meta, 'totals:' .. given.generation) == 0
if epoch and state == 'closed' and not isNext then return { 'sealed', epoch, text(seq) } end

if not epoch or state == 'closed' then
  call('DEL', meta, events, traces)
  if epoch then
    local earlier = { epoch .. ' ' .. text(seq) .. ' ' .. (known[6] or 'unknown') }
    for life in string.gmatch(known[4] or '', '[^,]+') do
      if #earlier < 8 then earlier[#earlier + 1] = life end
    end
    call('HSET', meta, 'earlier', table.concat(earlier, ','))
  elseif given.bound ~= '' then
    call('HSET', meta, 'formerly', given.bound)
  end
  epoch, seq, state, lease, opened = given.epoch, 0, 'open', 0, true
  call('HSET', meta, 'epoch', epoch, 'start', given.start)
else
  local isMissed = isBound and taken < given.acked
  local isMoved = server and known[8] and known[8] ~= server
  -- Somebody else took the events: a relay notes what it takes.
  if kept > lost and call('EXISTS', events) == 0 then call('HSET', meta, 'lost', text(kept)) end
  if (isMissed or isMoved) and not isAlone() then
    local names = { epoch }
    for name in string.gmatch(formerly, '%S+') do
      if #names < 8 then names[#names + 1] = name end
    end
    call('HSET', meta, 'formerly', table.concat(names, ' '), 'epoch', given.epoch)
    epoch, opened = given.epoch, true
  end
  if state == 'open' then
    heardAgain = lease < now
  else
    -- That these were lost was told.
    for field, value in pairs(fieldsOf('lease:')) do
      local untilMillis = tonumber(value)
      if untilMillis > 0 and untilMillis < now then call('HSET', meta, field, text(-untilMillis)) end
    end
    state, opened = 'open', true
  end
end

local from = seq
local told = {}
kept = 0
local function keep(field, value)
  call('XADD', events, text(seq) .. '-0', field, value)
  kept = seq
end
local function lose(count)
  seq = seq + count
  keep('l', text(count))
end

if (isBound or wasBound) and seq < given.seq then
  told[1] = 'l' .. text(given.seq - seq)
  lose(given.seq - seq)
end

-- The lines are one argument, since each argument costs the client. They are told as they came.
local batch = ARGV[2]
if batch ~= '' then told[#told + 1] = batch end
local start = 1
while start <= #batch do
  local stop = string.find(batch, '\\n', start, true) or #batch + 1
  local kind = string.sub(batch, start, start)
  if kind == 'l' then
    lose(tonumber(string.sub(batch, start + 1, stop - 1)))
  else
    seq = seq + 1
    if kind == 'e' then keep('e', string.sub(batch, start + 1, stop - 1)) end
  end
  start = stop + 1
end

local outcome = given.outcome
if given.leaves then
  call('HSET', meta, 'lease:' .. given.relay, text(-now))
  lease = 0
  for _, value in pairs(fieldsOf('lease:')) do lease = math.max(lease, tonumber(value)) end
  -- Producers that did not leave are waited for, and then missed.
  if lease == 0 then
    state, outcome = 'detached', 'detached'
    told[#told + 1] = 'd'
  end
else
  lease = math.max(lease, now + given.leaseMillis)
  call('HSET', meta, 'lease:' .. given.relay, text(now + given.leaseMillis))
end
if outcome and state ~= 'detached' then
  state = 'closed'
  told[#told + 1] = 'c' .. outcome
end

if not known[9] and call('HLEN', meta) > 200 then sumUp() end
call('HSET', meta, 'seq', text(seq), 'state', state, 'lease', text(lease), own, text(given.batch))
if server then call('HSET', meta, 'server', server) end
if outcome then call('HSET', meta, 'outcome', outcome) end
if given.last then call('HSET', meta, 'last', given.last) end
if given.totals then call('HSET', meta, 'totals:' .. given.generation, given.totals) end
for field, value in pairs(given.once) do call('HSETNX', meta, field, value) end
for _, trace in ipairs(given.traces) do
  if call('SCARD', traces) < 100 then call('SADD', traces, trace) end
end

if kept > 0 then
  call('HSET', meta, 'kept', text(kept))
  local surplus = call('XLEN', events) - given.historyPerRun
  if surplus > 0 then
    local gone = call('XRANGE', events, '-', '+', 'COUNT', text(surplus))
    call('HSET', meta, 'lost', string.match(gone[#gone][1], '^%d+'))
    call('XTRIM', events, 'MAXLEN', text(given.historyPerRun))
  end
end
local life = given.retentionMillis
if state == 'open' then life = life + given.leaseMillis end
for _, key in ipairs(KEYS) do call('PEXPIRE', key, text(life)) end

if #told > 0 or opened or heardAgain then
  local how = opened and 'o' or heardAgain and 'h' or '-'
  call('PUBLISH', given.channel, epoch .. ' ' .. text(from) .. ' ' .. how .. (given.at and ' ' .. text(given.at) or '') .. '\\n' .. table.concat(told, '\\n'))
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
local known = call('HMGET', meta, 'epoch', 'seq', 'lost', 'state', 'outcome', 'lease', 'earlier', 'kept')
if not known[1] then return false end
local lost, kept = tonumber(known[3] or 0), tonumber(known[8] or 0)
if kept > lost and call('EXISTS', events) == 0 then lost = kept end
local reply = {
  known[1], known[2], text(lost), known[4], known[5] or '', text(tonumber(known[6]) - millis()),
  known[7] or '',
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

/** Notes until when the producers of runs are not missed; takes out what is over. */
export const lease = script(
  "lease",
  `
local now = millis()
for index = 3, #ARGV do call('ZADD', KEYS[1], 'GT', text(now + ARGV[1]), ARGV[index]) end
call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[2]))
call('PEXPIRE', KEYS[1], text(ARGV[1] + ARGV[2]))
`,
);

/** Runs whose last producer may be lost, each with the time of which that is said. */
export const due = script(
  "due",
  "return call('ZRANGE', KEYS[1], '-inf', text(millis()), 'BYSCORE', 'LIMIT', '0', '100', 'WITHSCORES')",
);

/**
 * Tells once that the last producer of a run was lost. Returns in how many milliseconds to look again; nothing when there is
 * nothing more to tell.
 */
export const miss = script(
  "miss",
  `
local known = call('HMGET', KEYS[1], 'epoch', 'seq', 'state', 'lease')
if known[3] ~= 'open' then return false end
local rest = tonumber(known[4]) - millis()
if rest > 0 then return text(rest) end
call('HSET', KEYS[1], 'state', 'lost', 'outcome', 'abandoned')
call('PUBLISH', ARGV[1], known[1] .. ' ' .. known[2] .. ' -\\np')
return false
`,
);

/** A run was looked after: it is to be looked at later, or not again, unless a producer was heard of meanwhile. */
export const looked = script(
  "looked",
  `
if call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then return call('ZREM', KEYS[1], ARGV[1]) end
return call('ZADD', KEYS[1], text(millis() + ARGV[3]), ARGV[1])
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
