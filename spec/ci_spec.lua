--- .ci/run counts the specs, and fails whenever anything failed.
local shell = require("spec.shell")

--- Runs .ci/run with a 'make' whose test and check are these shell lines;
--- returns its exit code and its last line.
local function ci(test, check)
  local code, said
  shell.scratch(function(dir)
    shell.write(dir .. "/make", string.format(
      "#!/bin/sh\ncase $1 in\ntest) %s ;;\ncheck) %s ;;\nesac\n",
      test, check or ":"))
    code, said = shell.run(string.format(
      "chmod +x %s/make; PATH=%s:$PATH .ci/run", dir, dir))
  end)
  return code, said:match("([^\n]*)\n$")
end

local function summary(text)
  return "printf '++\\n" .. text .. " : 0.1 seconds\\n'"
end

describe(".ci/run", function()
  it("passes when the specs and the checks do", function()
    assert.same({ 0, "12 passed, 0 failed" },
      { ci(summary("12 successes / 0 failures / 0 errors / 1 pending")) })
  end)

  it("counts failures and errors, in the singular too", function()
    assert.same({ 1, "1 passed, 2 failed" },
      { ci(summary("1 success / 1 failure / 1 error / 0 pending") ..
        "; exit 2") })
  end)

  it("is not fooled by colours", function()
    local code, last = ci(summary(
      "\\033[32m3\\033[0m successes / \\033[31m2\\033[0m failures / " ..
      "\\033[35m1\\033[0m error / \\033[33m0\\033[0m pending"))
    assert.same({ 1, "3 passed, 3 failed" }, { code, last })
  end)

  it("fails when no spec ran", function()
    assert.same({ 1, "0 passed, 0 failed" },
      { ci(summary("0 successes / 0 failures / 0 errors / 0 pending")) })
    assert.same({ 1, "0 passed, 0 failed" }, { ci(":") })
  end)

  it("fails when the suite crashed before its summary", function()
    assert.same({ 1, "0 passed, 1 failed" }, { ci("exit 139") })
  end)

  it("fails when only a check did", function()
    assert.same({ 1, "5 passed, 0 failed" },
      { ci(summary("5 successes / 0 failures / 0 errors / 0 pending"),
        "exit 1") })
  end)
end)
