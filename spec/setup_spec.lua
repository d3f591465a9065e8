--- tools/setup asks the package manager for what is missing, and for no more.
local shell = require("spec.shell")

--- A machine that has only the tools every machine has, and `commands`: name
--- to shell lines. Each call of one of those is written to the log.
local function machine(dir, commands)
  for tool in ("sh dirname grep id tr tail env sed ls ln cc"):gmatch("%a+") do
    if not commands[tool] then
      shell.run("ln -s $(command -v " .. tool .. ") " .. dir)
    end
  end
  for name, lines in pairs(commands) do
    shell.write(dir .. "/" .. name, string.format(
      "#!/bin/sh\nset -u\necho \"%s $*\" >> %s/log\n%s\n", name, dir, lines))
    shell.run("chmod +x " .. dir .. "/" .. name)
  end
end

--- Runs tools/setup there; returns its exit code, what it said, and the log.
local function setup(commands, goals)
  local code, said, log
  shell.scratch(function(dir)
    machine(dir, commands)
    code, said = shell.run(string.format(
      "unset LUA CC; PATH=%s DIR=%s tools/setup %s", dir, dir, goals))
    log = select(2, shell.run("cat " .. dir .. "/log 2>/dev/null"))
  end)
  return code, said, log
end

local function contains(text, part)
  assert.truthy(text:find(part, 1, true),
    ("%q is not in %q"):format(part, text))
end

-- An interpreter, as far as tools/find and 'require "busted.runner"' go.
local interpreter = "case ${1:-} in -v) echo Lua 5.4.6 ;; esac"
local appear = [[
printf '#!/bin/sh\n%s\n' 'case ${1:-} in -v) echo Lua 5.4.6 ;; esac' \
  > $DIR/lua5.4
/bin/chmod +x $DIR/lua5.4]]
local checkers = { luacheck = "", ["clang-format"] = "", cppcheck = "" }

describe("setup", function()
  it("does and says nothing when nothing is missing", function()
    local commands = { ["lua5.4"] = interpreter, ["apt-get"] = "exit 1" }
    for name, lines in pairs(checkers) do commands[name] = lines end
    local code, said, log = setup(commands, "build test check")
    assert.same({ 0, "" }, { code, said })
    assert.is_nil(log:find("apt-get", 1, true))
  end)

  it("takes an interpreter of another name, but of no other version",
    function()
      local code, said = setup({ lua = interpreter }, "build")
      assert.same({ 0, "" }, { code, said })
      code, said = setup({ lua = "echo Lua 5.1.5" }, "build")
      assert.equal(1, code)
      contains(said, "installing lua (no package manager)")
      contains(said, "could not install lua")
    end)

  it("installs what is missing and says what", function()
    local code, said, log = setup({ ["apt-get"] = appear }, "build")
    assert.same({ 0, "setup: installing lua5.4 (apt-get)\n" }, { code, said })
    assert.equal("apt-get -q install -y --no-install-recommends lua5.4\n", log)
  end)

  it("updates the lists and tries again, once", function()
    local code, _, log = setup({
      ["apt-get"] = "case $* in *update*) : > $DIR/fresh ;; esac\n" ..
        "[ -f $DIR/fresh ] || exit 100\n" .. appear,
    }, "build")
    assert.equal(0, code)
    contains(log, "apt-get -q update\n")
    assert.equal(2, select(2, log:gsub(" install ", "")))
    code, _, log = setup({ ["apt-get"] = "exit 100" }, "build check")
    assert.equal(1, code)
    assert.equal(1, select(2, log:gsub(" update", "")))
  end)

  it("becomes root only if it is not", function()
    local code, _, log = setup({
      id = "echo 1000", sudo = '"$@"', ["apt-get"] = appear,
    }, "build")
    assert.equal(0, code)
    contains(log, "sudo env DEBIAN_FRONTEND=noninteractive apt-get -q install")
    local said
    code, said = setup({ id = "echo 1000", ["apt-get"] = appear }, "build")
    assert.equal(1, code)
    contains(said, "not root, and there is no sudo")
  end)

  it("knows the names of other package managers", function()
    local names = {
      dnf = { "install -y -q lua\n", "install -y -q cppcheck\n" },
      apk = { "add -q lua5.4\n", "add -q cppcheck\n" },
      pacman = { "-S --noconfirm --needed lua54\n",
        "-S --noconfirm --needed cppcheck\n" },
      brew = { "install -q lua@5.4\n", "install -q cppcheck\n" },
    }
    for manager, calls in pairs(names) do
      local code, _, log = setup({ [manager] = "exit 1" }, "build check")
      assert.equal(1, code)
      for _, call in ipairs(calls) do contains(log, manager .. " " .. call) end
    end
  end)

  it("falls back to LuaRocks, into the checkout", function()
    local code, said, log = setup({
      ["lua5.4"] = "case ${1:-} in\n-v) echo Lua 5.4.6 ;;\n" ..
        "-e) [ -f $DIR/rock ] ;;\nesac",
      dnf = "exit 1", luarocks = ": > $DIR/rock",
    }, "test")
    assert.equal(0, code, said)
    contains(said, "installing busted (luarocks, into lua_modules)")
    contains(log, "luarocks --lua-version 5.4 --tree lua_modules install busted")
    assert.is_nil(log:find("dnf", 1, true))
  end)

  it("installs what can be measured with", function()
    local code, _, log = setup({
      ["lua5.4"] = "case ${1:-} in -v) echo Lua 5.4.6 ;; *) exit 1 ;; esac",
      ["apt-get"] = "exit 1", luarocks = "exit 1", python3 = "", go = "",
    }, "valgrind bench")
    assert.equal(1, code) -- nothing could be installed
    for _, package in ipairs { "valgrind", "strace", "gnuplot-nox", "lua-cqueues", "lua-luv",
      "lua-cjson", "lua-copas lua-socket" } do
      contains(log, "--no-install-recommends " .. package .. "\n")
    end
    for _, rock in ipairs { "cqueues", "luv", "lua-cjson", "copas" } do
      contains(log, "--tree lua_modules install " .. rock .. "\n")
    end
    assert.is_nil(log:find("golang", 1, true))
  end)

  -- What apt-get installs that way is there, as an empty program.
  local shop = [[
for name; do :; done
case $name in wrk) exit 100 ;; esac
case $name in lua-busted) touch $DIR/busted ;; *) touch $DIR/$name ;; esac
/bin/chmod +x $DIR/$name 2>/dev/null; exit 0]]
  local unready = "case ${1:-} in -v) echo Lua 5.4.6 ;; -e) [ -f $DIR/busted ] ;; esac"
  local extra = { touch = "exec /bin/touch $1" }

  it("gets the clients of the specs when it installs anyway", function()
    local code, said, log = setup({
      ["lua5.4"] = unready, ["apt-get"] = shop, touch = extra.touch, curl = "",
    }, "build test")
    assert.equal(0, code, said)
    for _, name in ipairs { "lua-busted", "socat", "wrk", "python3", "strace" } do
      contains(log, "--no-install-recommends " .. name .. "\n")
    end
    assert.is_nil(log:find("recommends curl", 1, true))
    contains(said, "could not install wrk: specs that need it are pending\n")
  end)

  it("asks for no client on a machine that has all it needs", function()
    local code, said, log = setup({ ["lua5.4"] = interpreter, ["apt-get"] = shop }, "build test")
    assert.same({ 0, "" }, { code, said })
    assert.is_nil(log:find("apt-get", 1, true))
    code, said, log = setup({ ["lua5.4"] = interpreter, ["apt-get"] = shop,
      touch = extra.touch }, "clients")
    assert.equal(0, code, said)
    contains(log, "recommends curl\n")
    contains(log, "recommends socat\n")
    code, said = setup({ ["lua5.4"] = interpreter }, "clients")
    assert.equal(0, code)
    contains(said, "could not install socat: specs that need it are pending\n")
  end)

  it("refuses a goal that it does not know", function()
    local code, said = setup({}, "everything")
    assert.equal(2, code)
    contains(said, "unknown goal 'everything'")
  end)
end)
