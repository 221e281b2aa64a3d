"""What Redis does in one go: Lua scripts, each one round trip and atomic.

Keys, all under a prefix:

* ``tasks``, a hash: the record of each id
* ``new``, a list: of each task that is in nothing of what follows yet, all that it takes
* ``order``, a list: the ids, as they were added; ``dropped``, how many went before the first
* ``standings``, a hash: where each id stands, an `index.Standing` with the task's number and stage
  before it, and behind it the mark of the call that added it
* ``set:NAME``, a sorted set for each name of `index`; a member is the task's number in
  hexadecimal, so that equal scores keep the order of adding, and its id
* ``totals``, a hash, and ``models``, a list: the bill
* ``picture:KEY``, ``lock:NAME``, ``format``

As in the other stores (`indexed`), a create only adds its task. Every 64th catches up with those
since the last one, and so does each script that asks what a new task has a part in: a set, the
order, the bill. So nobody sees one without the other, and catching up is never long.
"""

from __future__ import annotations

_LOCK = """
-- Whoever came in by a lock writes only while it is still its own.
local function locked_out(lock, token)
  return lock ~= '' and redis.call('GET', lock) ~= token
end
"""

_COMMON = """
local P = ARGV[1]

-- What many tasks write is gathered by key, for a call with many arguments costs little more than
-- one with a few. Lua takes no more than some thousand.
local gathered = {}

local function gather(command, key, ...)
  local name = command .. key
  local call = gathered[name]
  if not call then
    call = {command, P .. key}
    gathered[name] = call
  end
  for i = 1, select('#', ...) do call[#call + 1] = (select(i, ...)) end
end

local function send()
  for _, call in pairs(gathered) do
    for first = 3, #call, 200 do
      redis.call(call[1], call[2], unpack(call, first, math.min(first + 199, #call)))
    end
  end
  gathered = {}
end

-- The values of a hash, in the order of the fields.
local function fetch(key, fields)
  local found = {}
  for first = 1, #fields, 200 do
    local last = math.min(first + 199, #fields)
    for _, value in ipairs(redis.call('HMGET', P .. key, unpack(fields, first, last))) do
      found[#found + 1] = value
    end
  end
  return found
end

local function ids_of(members)
  for i = 1, #members do members[i] = string.sub(members[i], 11) end
  return members
end

local function standing_of(id) return cmsgpack.unpack(redis.call('HGET', P .. 'standings', id)) end

-- index.Standing.stage
local function stage(standing, now)
  local come = 0
  for _, turn in ipairs(standing[7]) do if turn <= now then come = come + 1 end end
  return come
end

-- index.Standing.entries, scores by names
local function entries(standing)
  local stage, submitted, region, model = standing[2], standing[3], standing[4], standing[5]
  local status, turns, found = standing[6][stage + 1], standing[7], {}
  if status ~= '' then
    found[region .. '//'] = submitted
    found[region .. '//' .. model] = submitted
    found[region .. '/' .. status .. '/'] = submitted
    found[region .. '/' .. status .. '/' .. model] = submitted
  end
  found['until'] = turns[stage + 1]
  found['since'] = turns[stage]
  for _, entry in ipairs(standing[8]) do found[entry[1]] = entry[2] end
  return found
end

-- From where a task stands to where it will; what stays as it is is not touched.
local function move(id, before, after)
  local member = string.format('%010x', (after or before)[1]) .. id
  local old, new = before and entries(before) or {}, after and entries(after) or {}
  for name in pairs(old) do
    if not new[name] then gather('ZREM', 'set:' .. name, member) end
  end
  for name, score in pairs(new) do
    if old[name] ~= score then gather('ZADD', 'set:' .. name, score, member) end
  end
  if after then gather('HSET', 'standings', id, cmsgpack.pack(after)) end
end

local function charge(model, queue, tasks, images, cost)
  if redis.call('HINCRBY', P .. 'totals', 'tasks/' .. model, tasks) == tasks and tasks > 0 then
    redis.call('RPUSH', P .. 'models', model)
  end
  redis.call('HINCRBY', P .. 'totals', 'images/' .. model, images)
  redis.call('HINCRBY', P .. 'totals', 'cost/' .. model, cost)
  redis.call('HINCRBY', P .. 'totals', 'queue/' .. queue, images)
end

local function catch_up()
  local new = redis.call('LRANGE', P .. 'new', 0, -1)
  if #new == 0 then return end
  local number = redis.call('LLEN', P .. 'order') + (redis.call('GET', P .. 'dropped') or 0)
  local charges, of_queue = {}, {}
  for _, packed in ipairs(new) do
    local id, standing, model, queue, tasks, images, cost = unpack(cmsgpack.unpack(packed))
    number = number + 1
    standing[1] = number
    gather('RPUSH', 'order', id)
    move(id, nil, standing)
    local sum = of_queue[queue]
    if not sum then
      sum = {model, queue, 0, 0, 0}
      of_queue[queue], charges[#charges + 1] = sum, sum
    end
    sum[3], sum[4], sum[5] = sum[3] + tasks, sum[4] + images, sum[5] + cost
  end
  send()
  for _, sum in ipairs(charges) do charge(unpack(sum)) end
  redis.call('DEL', P .. 'new')
end

-- Move some of the tasks whose turn has come, or has not come yet: a clock may be set back.
local function settle(now, most)
  local until_now = {'-inf', now, 'LIMIT', 0, most}
  local after_now = {'(' .. now, '+inf', 'LIMIT', 0, most}
  local due = ids_of(redis.call('ZRANGEBYSCORE', P .. 'set:until', unpack(until_now)))
  local early = ids_of(redis.call('ZRANGEBYSCORE', P .. 'set:since', unpack(after_now)))
  for _, id in ipairs(early) do due[#due + 1] = id end
  for i, packed in ipairs(fetch('standings', due)) do
    local before, after = cmsgpack.unpack(packed), cmsgpack.unpack(packed)
    after[2] = stage(after, tonumber(now))
    move(due[i], before, after)
  end
  send()
  return #due
end

-- How many of the oldest tasks are too many: of all, and of those forgotten until a moment.
local function too_many(keep, keep_forgotten, forgotten, most)
  local many = math.max(0, redis.call('LLEN', P .. 'order') - keep)
  while many < most do
    local id = redis.call('LINDEX', P .. 'order', many + keep_forgotten)
    if not id or standing_of(id)[3] > forgotten then break end
    many = many + 1
  end
  return math.min(many, most)
end

-- Take tasks out, but not off the bill.
local function drop(many)
  if many == 0 then return end
  local ids = redis.call('LRANGE', P .. 'order', 0, many - 1)
  for i, packed in ipairs(fetch('standings', ids)) do
    move(ids[i], cmsgpack.unpack(packed))
    gather('HDEL', 'standings', ids[i])
    gather('HDEL', 'tasks', ids[i])
  end
  send()
  redis.call('LTRIM', P .. 'order', many, -1)
  redis.call('INCRBY', P .. 'dropped', many)
end
"""

ADD = (
    _LOCK
    + """
local P, lock, token, id, record, mark, new, late = unpack(ARGV)
if locked_out(lock, token) then return 'LOCK' end
local added = redis.call('HSETNX', P .. 'tasks', id, record) == 1
if added and redis.call('RPUSH', P .. 'new', new) < tonumber(late) then return 1 end
"""
    + _COMMON
    + """
catch_up()
if not added then return standing_of(id)[9] == mark and 1 or 0 end
local now, keep, keep_forgotten, forgotten = unpack(ARGV, 9)
-- Each task has two turns as a rule, so this keeps up with them; and so does dropping.
settle(now, 3 * late)
drop(too_many(tonumber(keep), tonumber(keep_forgotten), tonumber(forgotten), 2 * late))
return 1
"""
)
"""1: added, or added already by this very call, whose answer was lost; 0: the id is taken."""

UPDATE = (
    _LOCK
    + _COMMON
    + """
local _, lock, token, id, old, new, standing, now = unpack(ARGV)
if locked_out(lock, token) then return 'LOCK' end
local kept = redis.call('HGET', P .. 'tasks', id)
if kept ~= old then return kept or '' end
catch_up()
local before, after = standing_of(id), cmsgpack.unpack(standing)
after[1], after[2], after[9] = before[1], stage(after, tonumber(now)), before[9]
redis.call('HSET', P .. 'tasks', id, new)
move(id, before, after)
send()
local model, queue, tasks, images, cost = unpack(ARGV, 9)
if images ~= '0' or cost ~= '0' then charge(model, queue, tonumber(tasks), images, cost) end
return 1
"""
)
"""1: changed; else the record that somebody else has put there meanwhile."""

TASKS = (
    _COMMON
    + """
local _, first, last = unpack(ARGV)
catch_up()
local dropped = tonumber(redis.call('GET', P .. 'dropped') or 0)
local size = dropped + redis.call('LLEN', P .. 'order')
first, last = math.max(tonumber(first), dropped), math.min(tonumber(last), size)
if first >= last then return {dropped, size} end
local ids = redis.call('LRANGE', P .. 'order', first - dropped, last - dropped - 1)
return {dropped, size, unpack(fetch('tasks', ids))}
"""
)
"""How many were dropped, how many there were in all, and the records of some, by number."""

PAGE = (
    _COMMON
    + """
local _, name, low, high, skip, take, now, most = unpack(ARGV)
catch_up()
if settle(now, most) >= tonumber(most) then return {-1} end
local set = P .. 'set:' .. name
local total = redis.call('ZCOUNT', set, low, high)
skip, take = tonumber(skip), tonumber(take)
if skip >= total then return {total} end
local first = redis.call('ZCOUNT', set, '(' .. high, '+inf') + skip
local last = first + math.min(take, total - skip) - 1
local found = fetch('tasks', ids_of(redis.call('ZREVRANGE', set, first, last)))
table.insert(found, 1, total)
return found
"""
)
"""The total and the records of a page; -1 if there is more to settle first."""

LINE = (
    _COMMON
    + """
local _, queue, places = unpack(ARGV)
catch_up()
local start = redis.call('ZREVRANGE', P .. 'set:starts/' .. queue, 0, 0, 'WITHSCORES')[2]
local turn = redis.call(
  'ZREVRANGE', P .. 'set:frees/' .. queue, places - 1, places - 1, 'WITHSCORES')[2]
return {start or false, turn or false}
"""
)
"""The two moments of `queue.Line`, each nil if there is none."""

HOLDERS = (
    _COMMON
    + """
local _, queue, now = unpack(ARGV)
catch_up()
local found = redis.call('ZRANGEBYSCORE', P .. 'set:frees/' .. queue, '(' .. now, '+inf')
table.sort(found)
return fetch('tasks', ids_of(found))
"""
)

TOTALS = (
    _COMMON
    + """
catch_up()
return {redis.call('LRANGE', P .. 'models', 0, -1), redis.call('HGETALL', P .. 'totals')}
"""
)

IMAGES = (
    _COMMON
    + """
catch_up()
return redis.call('HGET', P .. 'totals', 'queue/' .. ARGV[2])
"""
)

CLEAR = """
for _, key in ipairs(redis.call('KEYS', ARGV[2])) do redis.call('UNLINK', key) end
redis.call('SET', ARGV[1] .. 'format', ARGV[3])
return 1
"""
