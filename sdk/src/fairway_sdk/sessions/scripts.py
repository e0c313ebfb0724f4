"""What is done to a session inside the store: one round trip each, by the store's own clock, and all or nothing.

A session is a hash: `~created` and `~seen` are seconds, all other fields are sealed. KEYS[1] is always the session;
where a script may do without another key, it is given the same again.
"""

from typing import Final

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000 + ARGV[1]
"""

# ARGV: seconds a test moved the clock, idle, absolute. Gives names and values, each after its length, in one text: the
# client takes several microseconds for each text of an answer. The text is empty once either limit is reached.
LOAD: Final = (
    _NOW
    + """
local seconds = redis.call('HMGET', KEYS[1], '~created', '~seen')
if not seconds[1] then return '' end
local left = math.min(seconds[2] + ARGV[2], seconds[1] + ARGV[3]) - now
if left <= 0 then redis.call('DEL', KEYS[1]) return '' end
local parts = redis.call('HGETALL', KEYS[1])
if now - seconds[2] >= 1 then
  redis.call('HSET', KEYS[1], '~seen', now)
  redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * math.min(ARGV[2], seconds[1] + ARGV[3] - now)))
end
for index, part in ipairs(parts) do parts[index] = struct.pack('>I4', #part) .. part end
return table.concat(parts)
"""
)


def parts(packed: bytes) -> list[bytes]:
    """Take the answer of LOAD apart."""
    found = []
    at = 0
    while at < len(packed):
        begin = at + 4
        at = begin + int.from_bytes(packed[at:begin], "big")
        found.append(packed[begin:at])
    return found


# ARGV: how many fields to remove, their names, then names and values to set. Gives 0 where the session has ended
# meanwhile: writing would bring it back.
CHANGE: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local removed = tonumber(ARGV[1])
if removed > 0 then redis.call('HDEL', KEYS[1], unpack(ARGV, 2, removed + 1)) end
if #ARGV > removed + 1 then redis.call('HSET', KEYS[1], unpack(ARGV, removed + 2)) end
return 1
"""

# KEYS: new session, the one it replaces, the person's index. ARGV: as LOAD, then seconds when it was created or '' for
# now, whether the replaced one must still be there, the new and the replaced one's name in the index, then names and
# values. Gives when it was created, or 0 where the replaced one has ended meanwhile.
BEGIN: Final = (
    _NOW
    + """
if KEYS[2] ~= KEYS[1] then
  if redis.call('DEL', KEYS[2]) == 0 and ARGV[5] == '1' then return 0 end
end
local created = tonumber(ARGV[4]) or now
local left = math.min(tonumber(ARGV[2]), created + ARGV[3] - now)
if left <= 0 then return 0 end
redis.call('HSET', KEYS[1], '~created', created, '~seen', now, unpack(ARGV, 8))
redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * left))
if KEYS[3] ~= KEYS[1] then
  redis.call('ZREM', KEYS[3], ARGV[7])
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  redis.call('ZADD', KEYS[3], created + ARGV[3], ARGV[6])
  redis.call('PEXPIRE', KEYS[3], math.ceil(1000 * ARGV[3]))
end
return redis.call('HGET', KEYS[1], '~created')
"""
)

# KEYS: session, the person's index. ARGV: the session's name in the index.
END: Final = """
if KEYS[2] ~= KEYS[1] then redis.call('ZREM', KEYS[2], ARGV[1]) end
return redis.call('DEL', KEYS[1])
"""

# KEYS: the person's index. ARGV: what a session's key begins with. Gives how many sessions there were.
END_ALL: Final = """
local ended = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  ended = ended + redis.call('DEL', ARGV[1] .. name)
end
redis.call('DEL', KEYS[1])
return ended
"""
