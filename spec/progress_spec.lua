--- The bar of pool:map, on a terminal of the spec's own.

local core = require("skein.core")
local progress = require("skein.progress")
local skein = require("skein")

--- What is written to stderr while `body(terminal)` runs, on a clock that stands
--- still. `terminal.columns`: nil for none.
local function written(columns, body)
  local terminal, pieces = { columns = columns }, {}
  local stderr, real = io.stderr, core.crew.terminal
  local fake = {}
  function fake:write(...)
    pieces[#pieces + 1] = table.concat({ ... })
    return self
  end
  function fake:flush() return self end
  io.stderr = fake -- luacheck: ignore
  core.crew.terminal = function() return terminal.columns end
  local ok, err = pcall(skein.test.run, body, terminal)
  io.stderr, core.crew.terminal = stderr, real -- luacheck: ignore
  if not ok then error(err, 0) end
  return pieces
end

describe("the progress of a map", function()
  local getenv = os.getenv
  setup(function()
    os.getenv = function(name) return name == "TERM" and "xterm" or getenv(name) end -- luacheck: ignore
  end)
  teardown(function() os.getenv = getenv end) -- luacheck: ignore

  it("is one line that is drawn over itself, each time at once", function()
    local pieces = written(80, function()
      local report, finish = progress()
      report(0, 40)
      for i = 1, 40 do
        skein.sleep(0.1)
        report(i, 40)
      end
      finish()
    end)
    assert.equal("\r  0% [" .. (" "):rep(40) .. "]  0/40\27[K", pieces[1])
    assert.equal("\r 50% [" .. ("#"):rep(20) .. (" "):rep(20) ..
      "]  20/40  10/s  2.0 s left\27[K", pieces[21])
    assert.equal("\r100% [" .. ("#"):rep(40) .. "]  40/40 in 4.0 s (10/s)\27[K", pieces[41])
    assert.equal("\n", pieces[42])
    assert.equal(42, #pieces)
  end)

  it("is drawn no more often than one can see", function()
    local pieces = written(80, function()
      local report, finish = progress()
      for i = 0, 1000 do
        report(i, 1000)
        skein.sleep(0.001)
      end
      finish()
    end)
    assert.is_true(#pieces >= 10 and #pieces <= 14, #pieces)
    assert.match("1000/1000", pieces[#pieces - 1])
  end)

  it("counts down while nothing ends", function()
    local pieces = written(80, function()
      local report, finish, tick = progress()
      report(0, 2)
      skein.sleep(10)
      report(1, 2)
      skein.sleep(tick)
      report(1, 2)
      skein.sleep(20)
      report(1, 2)
      finish()
    end)
    assert.match("1/2  0.1/s  10 s left", pieces[2])
    assert.match("1/2  0.1/s  9.5 s left", pieces[3])
    assert.match("1/2  0.1/s  0.0 s left", pieces[4])
  end)

  it("knows how wide the terminal is by now", function()
    local pieces = written(80, function(terminal)
      local report, finish = progress()
      for i, columns in ipairs { 120, 50, 20, 5, 0 } do
        terminal.columns = columns
        report(i, 10)
        skein.sleep(1)
      end
      finish()
    end)
    local widths = {}
    for i = 1, 5 do widths[i] = #pieces[i]:match("^\r(.*)\27%[K$") end
    assert.is_true(widths[1] <= 119 and pieces[1]:find(("[ #]"):rep(40)) ~= nil)
    assert.is_true(widths[2] <= 49 and pieces[2]:find("%[") ~= nil)
    assert.is_true(widths[3] <= 19 and pieces[3]:find(" 30%% 3/10", 1) ~= nil)
    assert.equal(4, widths[4])
    assert.is_true(widths[5] <= 79 and pieces[5]:find("5/10", 1, true) ~= nil)
  end)

  it("tells long times as one reads them", function()
    local pieces = written(80, function()
      local report, finish = progress()
      for _, s in ipairs { 9.96, 50, 3000, 4000 } do
        skein.sleep(s)
        report(1, 2)
      end
      finish()
    end)
    assert.match(" 10 s left", pieces[1])
    local done = written(nil, function()
      local report, finish = progress()
      skein.sleep(3725)
      report(2, 2)
      finish()
    end)
    assert.same({ "2/2 in 1:02:05\n" }, done)
    done = written(nil, function()
      local report = progress()
      skein.sleep(59.6)
      report(2, 2)
    end)
    assert.same({ "2/2 in 1:00\n" }, done)
  end)

  it("is a plain line now and then where there is no terminal", function()
    local pieces = written(nil, function()
      local report, finish, tick = progress()
      assert.is_nil(tick)
      for i = 0, 100 do
        report(i, 100)
        skein.sleep(0.1)
      end
      finish()
    end)
    assert.equal(2, #pieces)
    assert.match("^%d+/100  10/s  %d.%d s left\n$", pieces[1])
    assert.match("^100/100 in 10 s\n$", pieces[2])
  end)

  it("leaves the line of a map that failed as it was", function()
    local pieces = written(80, function()
      local report, finish = progress()
      report(0, 4)
      skein.sleep(1)
      report(1, 4)
      finish()
    end)
    assert.match("1/4", pieces[2])
    assert.equal("\n", pieces[3])
  end)
end)
