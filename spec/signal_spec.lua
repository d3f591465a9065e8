--- skein.signal: signals as items of a channel, and what they do otherwise.

local skein = require("skein")
local support = require("spec.support")

local test = support.task
local me = skein.self().pid

--- The signals that this process catches or ignores, as bits of a number.
local function bits(which)
  local status <close> = assert(io.open("/proc/self/status"))
  return tonumber(status:read("a"):match(which .. ":%s*(%x+)"), 16)
end

local function is_set(which, signo) return bits(which) >> (signo - 1) & 1 == 1 end

local function send(name) os.execute(("kill -%s %d"):format(name, me)) end

local HUP, USR1, USR2 = 1, 10, 12

describe("skein.signal", function()
  it("gives names in the order of arrival", test(function()
    local c = skein.signal("USR1", "SIGUSR2", "HUP")
    send("USR2")
    assert.equal("USR2", c:get())
    send("HUP")
    assert.equal("HUP", c:get())
    send("USR1")
    assert.equal("USR1", c:get(1))
    assert.same({ nil, "timeout" }, { c:get(0) })
    c:close()
    assert.same({ nil, "closed" }, { c:get() })
  end))

  it("puts back what was there when the last channel closes", test(function()
    local before = bits("SigCgt")
    local a, b = skein.signal("USR1", "HUP"), skein.signal("USR1")
    assert.is_true(is_set("SigCgt", USR1) and is_set("SigCgt", HUP))
    a:close()
    assert.is_true(is_set("SigCgt", USR1))
    assert.is_false(is_set("SigCgt", HUP))
    send("USR1")
    assert.equal("USR1", b:get())
    b:close()
    assert.equal(before, bits("SigCgt"))
    local c = skein.signal("USR1", "USR2") -- and once more
    assert.is_true(is_set("SigCgt", USR2))
    c:close()
    assert.equal(before, bits("SigCgt"))
  end))

  it("ends the program again by a signal that nobody wants any more", function()
    local _, how, code = support.program([[
      local skein = require "skein"
      local c = skein.signal("USR1")
      c:close()
      os.execute("kill -USR1 " .. skein.self().pid)
      skein.sleep(5)]])
    assert.equal("exit", how) -- of the shell that ran it
    assert.equal(128 + USR1, code)
  end)

  it("leaves ignored what was ignored", test(function()
    local r = skein.command({ "trap '' HUP; exec \"$1\" -e \"$2\"", support.lua, [[
      local skein = require "skein"
      local function ignored()
        for line in io.lines("/proc/self/status") do
          local hex = line:match("SigIgn:%s*(%x+)")
          if hex then return tonumber(hex, 16) & 1 == 1 end
        end
      end
      io.write(tostring(ignored()), " ")
      local c = skein.signal("HUP")
      io.write(tostring(ignored()), " ")
      os.execute("kill -HUP " .. skein.self().pid)
      io.write(c:get(2), " ")
      c:close()
      io.write(tostring(ignored()))]], shell = true,
      env = { LUA_PATH_5_4 = package.path, LUA_CPATH_5_4 = package.cpath } }):get()
    assert.equal("true false HUP true", r.stdout .. r.stderr)
  end))

  it("is not for the child that a program is", test(function()
    local c = skein.signal("USR1")
    local r = skein.command({ "sh", "-c", "kill -USR1 $$; sleep 5" }):get()
    assert.equal(USR1, r.signal)
    c:close()
  end))

  it("is received in a child, though its parent has a channel for it", test(function()
    local parents = skein.signal("USR1")
    local child = skein.process(function()
      parents:close() -- that is of no effect here
      local own = skein.signal("USR1")
      os.execute("kill -USR1 " .. skein.self().pid)
      local name = own:get(10)
      own:close()
      return name, support.kind(function() skein.channel():get() end)
    end)
    assert.same({ "USR1", "deadlock" }, { child:get() })
    os.execute("kill -USR1 " .. skein.self().pid)
    assert.equal("USR1", parents:get(10))
    parents:close()
  end))
end)
