--- The benchmarks: what they make of figures, that each works, and that the count
--- of instructions notices what grew.

local json = require("bench.lib.json")
local report = require("bench.lib.report")
local shell = require("spec.shell")
local stats = require("bench.lib.stats")

describe("the numbers of a benchmark", function()
  it("are the median, the extremes and the spread of the middle half", function()
    assert.same({ median = 3, least = 1, most = 100, runs = 5, spread = 2 / 3 },
      stats.of { 100, 2, 3, 1, 4 })
    assert.equal(2.5, stats.median { 4, 1, 2, 3 })
    assert.equal(7, stats.median { 7 })
  end)

  it("are compared with their neighbours in time", function()
    -- The machine was busy in the second round.
    assert.equal(2, stats.ratio({ 2, 20, 4 }, { 1, 10, 2 }))
    assert.equal(3, stats.ratio({ 3 }, { 1, 10 }))
  end)

  it("are written in the unit that suits them", function()
    local texts = {}
    for i, v in ipairs { 1.234, 12.34, 999, 1234, 5e6, 2.5e9 } do texts[i] = report.figure(v) end
    assert.same({ "1.23 ns", "12.3 ns", "999 ns", "1.23 us", "5.00 ms", "2.50 s" }, texts)
    assert.equal("1494 B", report.figure(1494.4, "bytes"))
    assert.equal("", report.figure(nil))
  end)

  it("are judged by ratios", function()
    local function met(goal, by) return report.met({ goal = goal }, by) end
    assert.is_true(met({ ratio = 1.3 }, { skein = { median = 5, beside = 1.3 } }))
    assert.is_false(met({ ratio = 1.3 }, { skein = { median = 5, beside = 1.31 } }))
    assert.is_true(met({ ns = 100, there = 50, of = "x" }, { skein = { beside = 2 } }))
    local set = { ns = 100, there = 50, of = "x" }
    assert.equal("as set", met(set, { skein = { median = 99, beside = 2.1 } }))
    assert.is_false(met(set, { skein = { median = 101, beside = 2.1 } }))
    assert.is_false(met({ bytes = 10 }, { skein = { median = 11 } }))
    assert.is_nil(met({ ratio = 1 }, {}))
    assert.is_nil(met(nil, { skein = { median = 1 } }))
    assert.equal(60, report.allowed({ goal = { ns = 100, there = 50, of = "x" } },
      { yard = { median = 30 } }))
  end)

  it("are kept as JSON", function()
    assert.equal('{\n  "a": [1, 2.5, "q\\u0022"],\n  "b": [],\n  "c": true\n}\n',
      json { c = true, a = { 1, 2.5, 'q"' }, b = {} })
  end)
end)

local build = os.getenv("BUILD") or "build"

--- Makes what the works need besides the library.
local function make(...)
  if os.getenv("PRELOAD") then pending("takes minutes with a sanitizer") end
  local goals = {}
  for i, name in ipairs { ... } do goals[i] = build .. "/bench/" .. name end
  local code, said = shell.run("make -s BUILD=" .. build .. " " .. table.concat(goals, " "))
  assert(code == 0, said)
end

describe("every work", function()
  for _, area in ipairs { "sched", "process", "queue", "sync", "pool", "wire", "growth" } do
    it("of " .. area .. " can be done", function()
      make("floor.so")
      for _, work in ipairs(require("bench." .. area)) do
        for _, who in ipairs { "skein", work.floor and "floor" } do
          local n, x = 10, ""
          if work.sweep then
            x = work.sweep[1]
            n = math.max(10, x)
          end
          local code, printed = shell.run(("timeout 60 ${LUA:-lua5.4} bench/one.lua %s %s %s %s %s")
            :format(area, who, work.id, n, x))
          assert(code == 0 and tonumber(printed), work.id .. " by " .. who .. ": " .. printed)
        end
      end
    end)
  end

  it("of net can be done", function()
    make("floor.so", "load")
    for _, work in ipairs(require("bench.net")) do
      local client = work.client or 200
      if not work.client or shell.run("command -v " .. work.client) == 0 then
        for _, who in ipairs { "floor", work.skein and "skein" } do
          local code, printed = shell.run(("timeout 60 %s/bench/load %s %d "
            .. "${LUA:-lua5.4} bench/one.lua net %s %s"):format(build, client,
            work.connections, who, work.server))
          assert(code == 0 and tonumber(printed), work.id .. " by " .. who .. ": " .. printed)
        end
      end
    end
  end)
end)

-- A valgrind that counts as it is told: 'first' for few rounds, then 10 more.
local valgrind = [[
#!/bin/sh
for word in "$@"; do case $word in --callgrind-out-file=*) out=${word#*=} ;; esac; done
[ -n "${out:-}" ] || exit 0
printf '\nsummary: 100\n' > $out.1
printf '\nsummary: %d\n' $((100 + 10 * $(cat "${0%/*}/count"))) > $out.2
printf '10\na thing\n'
]]

describe("bench-check", function()
  local function check(dir, count, update)
    shell.write(dir .. "/count", tostring(count))
    return shell.run(("BUILD=%s PATH=%s:$PATH UPDATE=%s ${LUA:-lua5.4} bench/check.lua %s/baseline")
      :format(dir, dir, update or "", dir))
  end

  it("fails when an operation takes more than 5 % above the baseline", function()
    shell.scratch(function(dir)
      shell.write(dir .. "/valgrind", valgrind)
      shell.run("chmod +x " .. dir .. "/valgrind")
      local code, said = check(dir, 1000, "1")
      assert.equal(0, code, said)
      for count, expected in pairs { [900] = 0, [1000] = 0, [1049] = 0, [1060] = 1 } do
        code, said = check(dir, count)
        assert.equal(expected, code, said)
        assert.matches(expected == 0 and "all is well" or "a thing  <%-%- grew", said)
      end
    end)
  end)

  it("does not judge by the baseline of another interpreter", function()
    shell.scratch(function(dir)
      shell.write(dir .. "/valgrind", valgrind)
      shell.run("chmod +x " .. dir .. "/valgrind")
      shell.write(dir .. "/baseline", "# Lua 5.4.0\n   10.0  a thing\n")
      local code, said = check(dir, 1000)
      assert.equal(0, code, said)
      assert.matches("not judged", said)
    end)
  end)
end)
