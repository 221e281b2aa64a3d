"""What Redis does in one go: Lua scripts, each one round trip and atomic.

Keys, all under a prefix:

* ``tasks``, a hash: the record of each id
* ``new``, a list: of each task that is in nothing of what follows yet, its id, the mark of the
  call that added it with its `index.Standing`, and its charge (model, queue and `index.Total`)
* ``order``, a list: the ids, as they were added; ``added``: how many there ever were
* ``standings``, a hash: of each id its number in hexadecimal, the mark, and the standing
* ``set:NAME``, a sorted set for each name of `index`; a member is the number, so that equal scores
  keep the order of adding, and the id
* ``totals``, a hash, and ``models``, a list: the bill
* ``picture:KEY``, ``lock:NAME``, ``format``

As in the other stores (`indexed`), a create only adds its task. Every 64th catches up with those
since the last one, and so does each script that asks for what a new task has a part in: the order,
the sets, the bill. So nobody ever sees one without the other, and to catch up never takes long.
"""

from __future__ import annotations

MARK = 8
"""Bytes of a mark."""

_LOCK = """
-- Whoever came in by a lock writes only while it is still its own.
local function locked_out(lock, token)
  return lock ~= '' and redis.call('GET', lock) ~= token
end
"""

_COMMON = """
local P = ARGV[1]

-- A call with many arguments costs little more than one with a few; Lua takes some thousand.
local MOST = 200

local function send(command, key, arguments)
  for first = 1, #arguments, MOST do
    local last = math.min(first + MOST - 1, #arguments)
    redis.call(command, P .. key, unpack(arguments, first, last))
  end
end

-- The values of a hash, in the order of the fields.
local function fetch(key, fields)
  local found = {}
  for first = 1, #fields, MOST do
    local last = math.min(first + MOST - 1, #fields)
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

-- What stands behind number and mark: submitted, region, model, statuses, turns, queue.
local function standing_of(kept) return cmsgpack.unpack(string.sub(kept, 19)) end

-- index.Standing.stage
local function stage_at(standing, now)
  local come = 0
  for _, turn in ipairs(standing[5]) do if turn <= now then come = come + 1 end end
  return come
end

-- index.Standing.entries: scores by names.
local function entries(standing, stage)
  local submitted, region, model, statuses, turns, queue = unpack(standing)
  local status, found = statuses[stage + 1], {}
  if status ~= '' then
    found[region .. '//'] = submitted
    found[region .. '//' .. model] = submitted
    found[region .. '/' .. status .. '/'] = submitted
    found[region .. '/' .. status .. '/' .. model] = submitted
  end
  found['until'], found['since'] = turns[stage + 1], turns[stage]
  for _, entry in ipairs(queue) do found[entry[1]] = entry[2] end
  return found
end

-- In which of its stages a task is in the sets: that whose end it is in `until` with.
local function stage_of(standing, member)
  local ending = tonumber(redis.call('ZSCORE', P .. 'set:until', member) or 'inf')
  for stage, turn in ipairs(standing[5]) do if turn == ending then return stage - 1 end end
  return #standing[5]
end

-- What is to be done to the sets, gathered: each is written to once, however many tasks move.
local puts, drops = {}, {}

local function gathered(calls, name)
  local found = calls[name] or {}
  calls[name] = found
  return found
end

-- What stays as it is is not touched.
local function move(member, old, new)
  for name in pairs(old) do
    if not new[name] then table.insert(gathered(drops, name), member) end
  end
  for name, score in pairs(new) do
    if old[name] ~= score then
      local found = gathered(puts, name)
      found[#found + 1], found[#found + 2] = score, member
    end
  end
end

local function write_sets()
  for name, members in pairs(drops) do send('ZREM', 'set:' .. name, members) end
  for name, members in pairs(puts) do send('ZADD', 'set:' .. name, members) end
  puts, drops = {}, {}
end

local function charge(times, charged)
  local model, queue, tasks, images, cost = unpack(cmsgpack.unpack(charged))
  local function add(what, many) return redis.call('HINCRBY', P .. 'totals', what, times * many) end
  if tasks > 0 and add('tasks/' .. model, tasks) == times * tasks then
    redis.call('RPUSH', P .. 'models', model)
  end
  if images == 0 then return end
  add('images/' .. model, images)
  add('cost/' .. model, cost)
  add('queue/' .. queue, images)
end

local function catch_up()
  local new = redis.call('LRANGE', P .. 'new', 0, -1)
  if #new == 0 then return end
  local number = redis.call('GET', P .. 'added') - #new / 3
  local ids, standings, charges, times = {}, {}, {}, {}
  for i = 1, #new, 3 do
    local id, kept, charged = new[i], string.format('%010x', number) .. new[i + 1], new[i + 2]
    ids[#ids + 1] = id
    standings[#standings + 1], standings[#standings + 2] = id, kept
    move(string.sub(kept, 1, 10) .. id, {}, entries(standing_of(kept), 0))
    if not times[charged] then charges[#charges + 1] = charged end
    times[charged] = (times[charged] or 0) + 1
    number = number + 1
  end
  send('RPUSH', 'order', ids)
  send('HSET', 'standings', standings)
  write_sets()
  for _, charged in ipairs(charges) do charge(times[charged], charged) end
  redis.call('DEL', P .. 'new')
end

-- Move some of the tasks whose turn has come, or has not come yet: a clock may be set back.
local function settle(now, most)
  local due = redis.call('ZRANGEBYSCORE', P .. 'set:until', '-inf', now, 'LIMIT', 0, most)
  local early = redis.call(
    'ZRANGEBYSCORE', P .. 'set:since', '(' .. now, '+inf', 'LIMIT', 0, most)
  for _, member in ipairs(early) do due[#due + 1] = member end
  local members = {unpack(due)}
  for i, kept in ipairs(fetch('standings', ids_of(due))) do
    local standing = standing_of(kept)
    local stage = stage_at(standing, tonumber(now))
    move(members[i], entries(standing, stage_of(standing, members[i])), entries(standing, stage))
  end
  write_sets()
  return #due
end

-- How many of the oldest tasks are too many: of all, and of those submitted up to some moment. A
-- clock may have been set back, so that a later one was submitted before.
local function too_many(keep, keep_forgotten, moment, most)
  local function forgotten(place)
    local id = redis.call('LINDEX', P .. 'order', place)
    return id and standing_of(redis.call('HGET', P .. 'standings', id))[1] <= moment
  end
  local many = math.max(0, redis.call('LLEN', P .. 'order') - keep)
  while many < most and forgotten(many + keep_forgotten) and forgotten(many) do many = many + 1 end
  return math.min(many, most)
end

-- Take the oldest tasks out, but not off the bill.
local function drop(many)
  if many == 0 then return end
  local ids = redis.call('LRANGE', P .. 'order', 0, many - 1)
  for i, kept in ipairs(fetch('standings', ids)) do
    local standing, member = standing_of(kept), string.sub(kept, 1, 10) .. ids[i]
    move(member, entries(standing, stage_of(standing, member)), {})
    redis.call('HINCRBY', P .. 'totals', 'dropped/' .. standing[3], 1)
  end
  write_sets()
  send('HDEL', 'standings', ids)
  send('HDEL', 'tasks', ids)
  redis.call('LTRIM', P .. 'order', many, -1)
end
"""

ADD = (
    _LOCK
    + """
local P, lock, token, id, record, kept, charged, late, rest = unpack(ARGV)
if locked_out(lock, token) then return 'LOCK' end
local added = redis.call('HSETNX', P .. 'tasks', id, record) == 1
if added then
  redis.call('RPUSH', P .. 'new', id, kept, charged)
  if redis.call('INCR', P .. 'added') % late > 0 then return 1 end
end
"""
    + _COMMON
    + """
catch_up()
if not added then
  local mark = string.sub(redis.call('HGET', P .. 'standings', id), 11, 18)
  return mark == string.sub(kept, 1, 8) and 1 or 0
end
local now, keep, keep_forgotten, forgotten = unpack(cmsgpack.unpack(rest))
-- Each task has two turns as a rule, so this keeps up with them; and so does dropping.
settle(now, 3 * late)
drop(too_many(keep, keep_forgotten, forgotten, 2 * late))
return 1
"""
)
"""1: added, or added already by this very call, whose answer was lost; 0: the id is taken."""

UPDATE = (
    _LOCK
    + _COMMON
    + """
local _, lock, token, id, old, new, standing, charged, now = unpack(ARGV)
if locked_out(lock, token) then return 'LOCK' end
local kept = redis.call('HGET', P .. 'tasks', id)
if kept ~= old then return kept or '' end
catch_up()
kept = redis.call('HGET', P .. 'standings', id)
local member, before = string.sub(kept, 1, 10) .. id, standing_of(kept)
kept = string.sub(kept, 1, 18) .. standing
local after = standing_of(kept)
redis.call('HSET', P .. 'tasks', id, new)
redis.call('HSET', P .. 'standings', id, kept)
move(
  member, entries(before, stage_of(before, member)), entries(after, stage_at(after, tonumber(now))))
write_sets()
charge(1, charged)
return 1
"""
)
"""1: changed; else the record that somebody else has put there meanwhile."""

TASKS = (
    _COMMON
    + """
local _, first, last = unpack(ARGV)
catch_up()
local added = tonumber(redis.call('GET', P .. 'added') or 0)
local dropped = added - redis.call('LLEN', P .. 'order')
first, last = math.max(tonumber(first), dropped), math.min(tonumber(last), added)
local ids = {}
if first < last then
  ids = redis.call('LRANGE', P .. 'order', first - dropped, last - dropped - 1)
end
return {dropped, added, unpack(fetch('tasks', ids))}
"""
)
"""The number of the first task, that of the next one to come, and the records of some."""

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
"""The total and the records of a page; -1 if there may be more to settle first."""

LINE = (
    _COMMON
    + """
local _, queue, places = unpack(ARGV)
catch_up()
local function highest(name, place)
  return redis.call('ZREVRANGE', P .. 'set:' .. name, place, place, 'WITHSCORES')[2] or false
end
return {highest('starts/' .. queue, 0), highest('frees/' .. queue, places - 1)}
"""
)
"""The two moments of a `queue.Line`, each nil if there is none."""

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
