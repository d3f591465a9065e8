--- Waits between processes that have no descriptors left.

local shell = require("spec.shell")

--- Runs `code` where few descriptors are to be had. `fill()` takes them all,
--- `soon(f, ...)` is true if `f(...)` took less than a second.
local function run(code)
  shell.scratch(function(dir)
    shell.write(dir .. "/program.lua", [[
local skein = require("skein")
local function fill()
  local files = {}
  repeat
    local file = io.open("/dev/null")
    files[#files + 1] = file
  until not file
  return files
end
local function soon(f, ...)
  local began = skein.now()
  local r = table.pack(f(...))
  assert(skein.now() - began < 1, "it took " .. skein.now() - began)
  return table.unpack(r, 1, r.n)
end
]] .. code)
    local status, said = shell.run("ulimit -n 40; timeout -s KILL 20 " ..
      "tools/lua " .. dir .. "/program.lua")
    assert.equal("done\n", said)
    assert.equal(0, status)
  end)
end

describe("without descriptors", function()
  it("one who never slept wakes others", function()
    run([[
local q = skein.queue()
local p = skein.process(function()
  local files = fill()
  local due = skein.now() + 0.1
  while skein.now() < due do end
  q:put(#files > 0)
  while true do end
end)
local due = skein.now() + 0.03 -- asleep, we would be told of its birth
while skein.now() < due do end
assert(soon(q.get, q, 5))
p:kill()
print("done")]])
  end)

  it("one who waits is woken", function()
    run([[
local q, answers = skein.queue(), skein.queue()
local p = skein.process(function()
  local files = fill()
  answers:put(#files > 0)
  answers:put(q:get(5))
  while true do end
end)
assert(answers:get(5))
skein.sleep(0.1)
q:put("late")
assert(soon(answers.get, answers, 5) == "late")
p:kill()
print("done")]])
  end)

  it("the death of one that cannot be watched is noticed", function()
    run([[
local l, has, answers = skein.lock(), skein.event(), skein.queue()
local blind = skein.process(function()
  skein.event():wait(0.01)
  local files = fill()
  answers:put(#files > 0)
  has:wait()
  answers:put({ l:acquire(5) })
  while true do end
end)
assert(answers:get(5))
local victim = skein.process(function()
  l:acquire()
  has:set()
  skein.sleep(100)
end)
has:wait()
skein.sleep(0.1)
victim:kill()
local due = skein.now() + 5
while not victim:done() and skein.now() < due do skein.sleep(0.01) end
assert(soon(answers.get, answers, 5)[2] == "abandoned")
blind:kill()
print("done")]])
  end)
end)
