"""What the inbox in Redis does in one step there: each script sees and changes all that belongs together, alone.

Keys, all under one prefix and, in a cluster, in one slot: `row:ID` an event, `done:ID` a handled one, `due:CHANNEL` and
`aside:CHANNEL` ids by time, `lane:LANE` ids not handled by number, `seen:LANE` all numbers that came, `held` who works
in a lane until when, `parked` ids by time, `about:ALIAS` ids about a person. Times are Redis's own, moved by `ahead`.
"""

from typing import Final

_PRELUDE: Final = """
local p = KEYS[1]
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1e6 + tonumber(ARGV[1])
local function gone(id, row)
  redis.call('ZREM', p .. 'due:' .. row.channel, id)
  redis.call('ZREM', p .. 'aside:' .. row.channel, id)
  if row.lane ~= '' then
    redis.call('ZREM', p .. 'lane:' .. row.lane, id)
    if (redis.call('HGET', p .. 'held', row.lane) or ''):sub(-#id) == id then
      redis.call('HDEL', p .. 'held', row.lane)
    end
  end
end
local function read(id)
  local f = redis.call('HMGET', p .. 'row:' .. id, 'channel', 'lane', 'number', 'owner', 'alias', 'state', 'attempts')
  if not f[1] then return nil end
  return {channel = f[1], lane = f[2], number = f[3], owner = f[4], alias = f[5], state = f[6],
    attempts = tonumber(f[7])}
end
local function park(id, row, reason, err, message)
  gone(id, row)
  redis.call('HSET', p .. 'row:' .. id, 'state', 'parked', 'owner', '', 'due_at', now,
    'reason', reason, 'error', err, 'message', message)
  redis.call('ZADD', p .. 'parked', now, id)
end
local function done(id, row, remembered)
  gone(id, row)
  redis.call('ZREM', p .. 'parked', id)
  redis.call('DEL', p .. 'row:' .. id)
  redis.call('SET', p .. 'done:' .. id, '1', 'EX', math.ceil(remembered))
  if row.alias ~= '' then redis.call('SREM', p .. 'about:' .. row.alias, id) end
end
"""

ACCEPT: Final = (
    _PRELUDE
    + """
local remembered, added = tonumber(ARGV[2]), 0
for at = 3, #ARGV, 13 do
  local id, channel, lane, number, alias, state = ARGV[at], ARGV[at+1], ARGV[at+4], ARGV[at+5], ARGV[at+7], ARGV[at+9]
  if redis.call('EXISTS', p .. 'row:' .. id, p .. 'done:' .. id) == 0 then
    added = added + 1
    redis.call('HSET', p .. 'row:' .. id, 'channel', channel, 'kind', ARGV[at+2], 'event', ARGV[at+3], 'lane', lane,
      'number', number, 'after', ARGV[at+6], 'alias', alias, 'document', ARGV[at+8], 'state', state,
      'reason', ARGV[at+10], 'error', ARGV[at+11], 'message', ARGV[at+12],
      'received_at', now, 'due_at', now, 'owner', '', 'attempts', 0)
    if state == 'parked' then redis.call('ZADD', p .. 'parked', now, id)
    elseif state == 'unknown' then redis.call('ZADD', p .. 'aside:' .. channel, now + remembered, id)
    else
      redis.call('ZADD', p .. 'due:' .. channel, now, id)
      if lane ~= '' then redis.call('ZADD', p .. 'lane:' .. lane, number, id) end
    end
    if lane ~= '' then
      local seen = p .. 'seen:' .. lane
      redis.call('ZADD', seen, number, number)
      redis.call('ZREMRANGEBYSCORE', seen, '-inf', (now - remembered) * 1e6)
      redis.call('EXPIRE', seen, math.ceil(remembered))
    end
    if alias ~= '' then redis.call('SADD', p .. 'about:' .. alias, id) end
  end
end
return added
"""
)

TAKE: Final = (
    _PRELUDE
    + """
local channel, limit, tries, lease = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local late, remembered, owner = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local kinds = {}
for at = 9, #ARGV do kinds[ARGV[at]] = true end
local due, found, seen, page = p .. 'due:' .. channel, {}, 0, 200
while #found < limit * 5 and seen < 10000 do
  local ids = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', seen, page)
  seen = seen + #ids
  for _, id in ipairs(ids) do
    if #found >= limit * 5 then break end
    local f = redis.call('HMGET', p .. 'row:' .. id, 'kind', 'lane', 'after', 'received_at', 'attempts', 'document')
    local lane, after, ready = f[2], tonumber(f[3] or 0), true
    if not f[1] or not kinds[f[1]] then ready = false
    elseif lane ~= '' then
      local held = redis.call('HGET', p .. 'held', lane)
      ready = redis.call('ZRANGE', p .. 'lane:' .. lane, 0, 0)[1] == id
        and (not held or tonumber(held:match('^[^ ]+')) <= now or held:sub(-#id) == id)
        and (after == 0 or after < (now - remembered) * 1e6 or tonumber(f[4]) < now - late
          or redis.call('ZCOUNT', p .. 'seen:' .. lane, f[3], f[3]) > 0)
    end
    if ready and tonumber(f[5]) >= tries then
      park(id, read(id), 'no try came to an end: the process that handled it died, or hung, each time', '', '')
    elseif ready then
      local waited = tostring(now - tonumber(f[4]))
      for _, part in ipairs({id, lane, f[6], tostring(tonumber(f[5]) + 1), waited}) do found[#found + 1] = part end
    end
  end
  if #ids < page then break end
end
for at = 1, #found, 5 do
  local id, lane = found[at], found[at + 1]
  redis.call('HSET', p .. 'row:' .. id, 'owner', owner, 'attempts', found[at + 3], 'due_at', now + lease)
  redis.call('ZADD', due, now + lease, id)
  if lane ~= '' then redis.call('HSET', p .. 'held', lane, string.format('%.3f %s', now + lease, id)) end
end
return found
"""
)

FINISH: Final = (
    _PRELUDE
    + """
local id, owner, verb = ARGV[2], ARGV[3], ARGV[4]
local row = read(id)
if not row or row.owner ~= owner or row.state ~= 'due' then return 0 end
if verb == 'done' then
  done(id, row, tonumber(ARGV[5]))
elseif verb == 'park' then
  park(id, row, ARGV[5], ARGV[6], ARGV[7])
else
  local at = now + tonumber(ARGV[5])
  redis.call('HSET', p .. 'row:' .. id, 'owner', '', 'due_at', at)
  redis.call('ZADD', p .. 'due:' .. row.channel, at, id)
  if row.lane ~= '' then redis.call('HDEL', p .. 'held', row.lane) end
  if verb ~= 'retry' then redis.call('HSET', p .. 'row:' .. id, 'attempts', row.attempts - 1) end
  if verb ~= 'release' then
    redis.call('HSET', p .. 'row:' .. id, 'reason', ARGV[6], 'error', ARGV[7], 'message', ARGV[8])
  end
end
return 1
"""
)

SETTLE: Final = (
    _PRELUDE
    + """
local channel, aside, kinds = ARGV[2], p .. 'aside:' .. ARGV[2], {}
for at = 3, #ARGV do kinds[ARGV[at]] = true end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', aside, '-inf', now, 'LIMIT', 0, 1000)) do
  local row = read(id)
  if row then done(id, row, 1) else redis.call('ZREM', aside, id) end
end
for _, id in ipairs(redis.call('ZRANGE', aside, 0, 9999)) do
  local row, kind = read(id), redis.call('HGET', p .. 'row:' .. id, 'kind')
  if row and kinds[kind] then
    redis.call('ZREM', aside, id)
    redis.call('HSET', p .. 'row:' .. id, 'state', 'due')
    redis.call('ZADD', p .. 'due:' .. channel, now, id)
    if row.lane ~= '' then redis.call('ZADD', p .. 'lane:' .. row.lane, row.number, id) end
  end
end
redis.call('SADD', p .. 'channels', channel)
"""
)

OPERATE: Final = (
    _PRELUDE
    + """
local verb, remembered, count = ARGV[2], tonumber(ARGV[3]), 0
for at = 4, #ARGV do
  local id = ARGV[at]
  local row = read(id)
  if row and (verb == 'erase' or row.state == 'parked') then
    count = count + 1
    if verb == 'redrive' then
      redis.call('ZREM', p .. 'parked', id)
      redis.call('HSET', p .. 'row:' .. id, 'state', 'due', 'attempts', 0, 'reason', '', 'error', '', 'message', '')
      redis.call('ZADD', p .. 'due:' .. row.channel, now, id)
      if row.lane ~= '' then redis.call('ZADD', p .. 'lane:' .. row.lane, row.number, id) end
    else
      done(id, row, remembered)
    end
  end
end
return count
"""
)

NOW: Final = _PRELUDE + "return tostring(now)"
