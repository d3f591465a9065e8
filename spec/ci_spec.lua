--- .ci/run counts the specs, and fails whenever anything failed.
local shell = require("spec.shell")

--- Runs .ci/run with a 'make' whose test, check and other targets are these shell
--- lines, where 'tools/setup' is `setup`; returns its exit code, its last line, and
--- all that it said.
local function ci(test, check, others, setup)
  local code, said
  shell.scratch(function(dir)
    shell.write(dir .. "/make", string.format(
      "#!/bin/sh\ncase $1 in\ntest) %s ;;\ncheck) %s ;;\n*) %s ;;\nesac\n",
      test, check or ":", others or ":"))
    shell.write(dir .. "/setup", "#!/bin/sh\n" .. (setup or ":") .. "\n")
    code, said = shell.run(string.format(
      "chmod +x %s/*; SETUP=%s/setup PATH=%s:$PATH .ci/run", dir, dir, dir))
  end)
  return code, said:match("([^\n]*)\n$"), said
end

--- The first two of these.
local function last(...)
  local code, line = ci(...)
  return code, line
end

local function summary(text)
  return "printf '++\\n" .. text .. " : 0.1 seconds\\n'"
end

describe(".ci/run", function()
  it("passes when the specs and the checks do", function()
    assert.same({ 0, "12 passed, 0 failed" },
      { last(summary("12 successes / 0 failures / 0 errors / 1 pending")) })
  end)

  it("counts failures and errors, in the singular too", function()
    assert.same({ 1, "1 passed, 2 failed" },
      { last(summary("1 success / 1 failure / 1 error / 0 pending") ..
        "; exit 2") })
  end)

  it("is not fooled by colours", function()
    local code, line = ci(summary(
      "\\033[32m3\\033[0m successes / \\033[31m2\\033[0m failures / " ..
      "\\033[35m1\\033[0m error / \\033[33m0\\033[0m pending"))
    assert.same({ 1, "3 passed, 3 failed" }, { code, line })
  end)

  it("fails when no spec ran", function()
    assert.same({ 1, "0 passed, 0 failed" },
      { last(summary("0 successes / 0 failures / 0 errors / 0 pending")) })
    assert.same({ 1, "0 passed, 0 failed" }, { last(":") })
  end)

  it("fails when the suite crashed before its summary", function()
    assert.same({ 1, "0 passed, 1 failed" }, { last("exit 139") })
  end)

  it("fails when only a check did", function()
    assert.same({ 1, "5 passed, 0 failed" },
      { last(summary("5 successes / 0 failures / 0 errors / 0 pending"),
        "exit 1") })
  end)

  local good = summary("5 successes / 0 failures / 0 errors / 0 pending")

  it("fails when another part does, and says the time of each", function()
    local code, line, said = ci(good, ":", "[ $1 != storm ]")
    assert.same({ 1, "5 passed, 0 failed" }, { code, line })
    for _, part in ipairs { "test", "check", "steps", "asan%-core", "tsan",
      "fuzz SECONDS=60 SEED=1", "storm SECONDS=60", "bench%-check" } do
      assert.match("\n%s+%d+ s  make " .. part .. "\n", said)
    end
  end)

  it("leaves out what cannot run here, and says why", function()
    local code, line, said = ci(good, ":", ":", "[ $1 != fuzz ] || { echo no clang; exit 1; }")
    assert.same({ 0, "5 passed, 0 failed" }, { code, line })
    assert.match("\nleft out make fuzz SECONDS=60 SEED=1: no clang\n", said)
  end)
end)
