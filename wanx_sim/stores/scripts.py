"""What Redis does in one go: Lua scripts, each one round trip and atomic.

Keys, all under a prefix:

* ``order``, a list: the ids, as they were added
* ``tasks``, a hash: the record of each id
* ``standings``, a hash: where each id stands, an `index.Standing` with the task's number and stage
  before it, and behind it the mark of the call that added it
* ``set:NAME``, a sorted set for each name of `index`; a member is the task's number in
  hexadecimal, so that equal scores keep the order of adding, and its id
* ``totals``, a hash, and ``models``, a list: the bill
* ``picture:KEY``, ``lock:NAME``, ``format``
"""

from __future__ import annotations

_COMMON = """
local P = ARGV[1]
local INF = math.huge

local function text(score) return string.format('%.17g', score) end
local function member(standing, id) return string.format('%010x', standing[1]) .. id end

-- index.Standing.entries
local function entries(standing)
  local stage, submitted, region, model = standing[2], standing[3], standing[4], standing[5]
  local status, found = standing[6][stage + 1], {}
  if status ~= '' then
    found = {
      {region .. '//', submitted}, {region .. '//' .. model, submitted},
      {region .. '/' .. status .. '/', submitted},
      {region .. '/' .. status .. '/' .. model, submitted},
    }
  end
  local turns = standing[7]
  if turns[stage + 1] then found[#found + 1] = {'until', turns[stage + 1]} end
  if stage > 0 then found[#found + 1] = {'since', turns[stage]} end
  for _, entry in ipairs(standing[8]) do found[#found + 1] = entry end
  return found
end

local function put(id, standing)
  for _, entry in ipairs(entries(standing)) do
    redis.call('ZADD', P .. 'set:' .. entry[1], text(entry[2]), member(standing, id))
  end
  redis.call('HSET', P .. 'standings', id, cmsgpack.pack(standing))
end

local function drop(id, standing)
  for _, entry in ipairs(entries(standing)) do
    redis.call('ZREM', P .. 'set:' .. entry[1], member(standing, id))
  end
end

local function standing_of(id) return cmsgpack.unpack(redis.call('HGET', P .. 'standings', id)) end

-- index.Standing.stage
local function stage(standing, now)
  local come = 0
  for _, turn in ipairs(standing[7]) do if turn <= now then come = come + 1 end end
  return come
end

local function settle(now, most)
  local due = redis.call(
    'ZRANGEBYSCORE', P .. 'set:until', '-inf', text(now), 'LIMIT', 0, most)
  local early = redis.call(
    'ZRANGEBYSCORE', P .. 'set:since', '(' .. text(now), '+inf', 'LIMIT', 0, most)
  for _, found in ipairs(early) do due[#due + 1] = found end
  for _, found in ipairs(due) do
    local id = string.sub(found, 11)
    local standing = standing_of(id)
    drop(id, standing)
    standing[2] = stage(standing, now)
    put(id, standing)
  end
  return #due
end

local function charge(model, queue, tasks, images, cost)
  if tasks == '0' and images == '0' and cost == '0' then return end
  if redis.call('HINCRBY', P .. 'totals', 'tasks/' .. model, tasks) == tonumber(tasks)
      and tasks ~= '0' then
    redis.call('RPUSH', P .. 'models', model)
  end
  redis.call('HINCRBY', P .. 'totals', 'images/' .. model, images)
  redis.call('HINCRBY', P .. 'totals', 'cost/' .. model, cost)
  redis.call('HINCRBY', P .. 'totals', 'queue/' .. queue, images)
end

-- Whoever came in by a lock writes only while it is still its own.
local function locked_out(lock, token)
  return lock ~= '' and redis.call('GET', lock) ~= token
end
"""

ADD = (
    _COMMON
    + """
local _, lock, token, id, record, standing, now = unpack(ARGV)
if locked_out(lock, token) then return 'LOCK' end
standing = cmsgpack.unpack(standing)
if redis.call('HSETNX', P .. 'tasks', id, record) == 0 then
  return standing_of(id)[9] == standing[9] and 1 or 0
end
standing[1] = redis.call('RPUSH', P .. 'order', id)
put(id, standing)
charge(unpack(ARGV, 8))
settle(tonumber(now), 4)
return 1
"""
)
"""1: added, or added already by this very call, whose answer was lost; 0: the id is taken."""

UPDATE = (
    _COMMON
    + """
local _, lock, token, id, old, new, standing, now = unpack(ARGV)
if locked_out(lock, token) then return 'LOCK' end
local kept = redis.call('HGET', P .. 'tasks', id)
if kept ~= old then return kept or '' end
local before, after = standing_of(id), cmsgpack.unpack(standing)
after[1] = before[1]
after[2] = stage(after, tonumber(now))
drop(id, before)
redis.call('HSET', P .. 'tasks', id, new)
put(id, after)
charge(unpack(ARGV, 9))
return 1
"""
)
"""1: changed; else the record that somebody else has put there meanwhile."""

PAGE = (
    _COMMON
    + """
local _, name, low, high, skip, take, now = unpack(ARGV)
if settle(tonumber(now), 1000) > 0 then return {-1} end
local set = P .. 'set:' .. name
local total = redis.call('ZCOUNT', set, low, high)
skip, take = tonumber(skip), tonumber(take)
if skip >= total then return {total} end
local first = redis.call('ZCOUNT', set, '(' .. high, '+inf') + skip
local last = first + math.min(take, total - skip) - 1
local found = redis.call('ZREVRANGE', set, first, last)
for i = 1, #found do found[i] = redis.call('HGET', P .. 'tasks', string.sub(found[i], 11)) end
table.insert(found, 1, total)
return found
"""
)
"""The total and the records of a page; -1 if there was something to settle first."""

HOLDERS = (
    _COMMON
    + """
local found = redis.call('ZRANGEBYSCORE', P .. 'set:frees/' .. ARGV[2], '(' .. ARGV[3], '+inf')
table.sort(found)
for i = 1, #found do found[i] = redis.call('HGET', P .. 'tasks', string.sub(found[i], 11)) end
return found
"""
)

CLEAR = """
for _, key in ipairs(redis.call('KEYS', ARGV[2])) do redis.call('UNLINK', key) end
redis.call('SET', ARGV[1] .. 'format', ARGV[3])
return 1
"""
