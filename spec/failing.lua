--- The program of failing_spec.lua: does each operation again and again, while
--- the n-th request fails, for every n that it reaches. Prints what is wrong.
---   failing.lua LIBRARY memory|system once|onwards [operation...]
--- (LIBRARY is preloaded.) After each failure the same objects must serve, and in
--- the end nothing may be left behind.

local core = require("skein.core")
local skein = require("skein")
local operations = require("spec.operations")
local support = require("spec.support")

local library, what, how = ...
local failing = assert(package.loadlib(library, "luaopen_failing"))()

--- More requests than any operation makes.
local MOST = 10000

--- A new state, which Lua makes, asks a thousand times: from here on in strides.
local CLOSELY, STRIDE = 120, 13

--- Bytes that tables may grow by while everything fails again and again.
local SLACK = 200000

local function settle()
  for _ = 1, 3 do collectgarbage() end
end

--- What is there, to be compared, when what ends by itself has ended: there should be
--- `tasks` of them.
local function inventory(tasks)
  settle()
  local due = skein.now() + 10
  while (#skein.children() > 0 or core.live() > tasks) and skein.now() < due do
    skein.sleep(0.005)
    settle()
  end
  return {
    tasks = core.live(), fds = support.fds(), objects = (core.arena()),
    bytes = failing.held() - collectgarbage("count") * 1024,
  }
end

local function complain(...)
  print(string.format(...))
end

--- An error is a text, or one of skein's that can be told.
local function istold(err)
  return type(err) == "string" or type(err) == "table" and err.kind ~= nil
      and #tostring(err) > 0
end

--- Did it happen in another process, or thread?
local function iselsewhere(err)
  return type(err) == "table" and err.source ~= nil
end

--- True when the operation made fewer than `n` requests, here and elsewhere.
local function try(name, operation, n)
  local object = operation.make()
  failing.arm(what, n, how == "onwards")
  local ok, err = pcall(operation.run, object)
  local failed, _, first = failing.disarm()
  if not ok and not istold(err) then
    complain("%s: %s %d (%s): raised %s", name, what, n, first, err)
  end
  if not ok and failed == 0 and not iselsewhere(err) then
    complain("%s: without a failure: %s", name, tostring(err))
  end
  local good, why = pcall(skein.timeout, 10, operation.check, object)
  if not good then
    complain("%s: after %s %d (%s): %s", name, what, n, first, tostring(why))
  end
  if operation.close then operation.close(object) end
  return failed == 0 and ok
end

local function compare(name, before, after)
  for _, key in ipairs({ "tasks", "fds", "objects" }) do
    if after[key] > before[key] then
      complain("%s: %s: %d, were %d", name, key, after[key], before[key])
    end
  end
  if after.bytes > before.bytes + SLACK then
    complain("%s: holds %d bytes more", name, after.bytes - before.bytes)
  end
end

local function examine(name, operation)
  for _ = 1, 2 do -- what is made once and kept is there from now on
    local object = operation.make()
    operation.run(object)
    operation.check(object)
    if operation.close then operation.close(object) end
  end
  local before = inventory(0)
  local n = 0
  local count = 0
  repeat
    n = n + (n < CLOSELY and 1 or STRIDE)
    count = count + 1
    io.stderr:write(name, " ", n, "\n")
  until try(name, operation, n) or n > MOST
  if n > MOST then complain("%s: no end", name) end
  compare(name, before, inventory(before.tasks))
  return count - 1
end

skein.queue():get(0.001) -- the loop has its descriptors
local names = table.pack(select(4, ...))
if #names == 0 then
  for name in pairs(operations) do names[#names + 1] = name end
  table.sort(names)
end
local total = 0
for _, name in ipairs(names) do
  total = total + examine(name, operations[name])
end
print("failures", total)
