--- skein.cpus: what affinity and control groups leave.

local skein = require("skein")
local shell = require("spec.shell")

local open = io.open

--- What skein.cpus says where files have these contents, and no others exist.
local function cpus(files)
  io.open = function(path) -- luacheck: ignore
    local text = files[path:gsub("//+", "/")]
    if not text then return nil end
    local file = io.tmpfile()
    file:write(text)
    file:seek("set")
    return file
  end
  local ok, n = pcall(skein.cpus)
  io.open = open -- luacheck: ignore
  return ok and n or error(n, 0)
end

local function status(list)
  return "Name:\tlua\nCpus_allowed:\tff\nCpus_allowed_list:\t" .. list .. "\nMems_allowed:\t1\n"
end

describe("skein.cpus", function()
  after_each(function() io.open = open end) -- luacheck: ignore

  it("is a whole number of at least one", function()
    assert.equal("integer", math.type(skein.cpus()))
    assert.is_true(skein.cpus() >= 1)
  end)

  it("is what nproc says where no group limits it", function()
    local _, n = shell.run("nproc")
    assert.is_true(skein.cpus() <= tonumber(n))
  end)

  it("counts the affinity mask", function()
    local lists = { ["0"] = 1, ["0-3"] = 4, ["0-3,8"] = 5,
      ["1,3,5-6,10-19"] = 14, ["0-127"] = 128 }
    for list, n in pairs(lists) do
      assert.equal(n, cpus { ["/proc/thread-self/status"] = status(list) })
    end
  end)

  it("follows the affinity of the program", function()
    local code, n = shell.run("taskset -c 0 tools/lua -e 'print(require(\"skein\").cpus())'")
    if code == 127 then return end -- no such program here
    assert.equal("1\n", n)
  end)

  local function v2(groups, path)
    groups["/proc/thread-self/status"] = status("0-7")
    groups["/proc/self/cgroup"] = "0::" .. path .. "\n"
    return cpus(groups)
  end

  it("obeys the quota of its control group, rounded up", function()
    assert.equal(2, v2({ ["/sys/fs/cgroup/a/b/cpu.max"] = "200000 100000\n" }, "/a/b"))
    assert.equal(2, v2({ ["/sys/fs/cgroup/a/b/cpu.max"] = "150000 100000\n" }, "/a/b"))
    assert.equal(1, v2({ ["/sys/fs/cgroup/a/b/cpu.max"] = "5000 100000\n" }, "/a/b"))
    assert.equal(8, v2({ ["/sys/fs/cgroup/a/b/cpu.max"] = "max 100000\n" }, "/a/b"))
    assert.equal(8, v2({ ["/sys/fs/cgroup/a/b/cpu.max"] = "9000000 100000\n" }, "/a/b"))
    assert.equal(8, v2({ ["/sys/fs/cgroup/a/b/cpu.max"] = "" }, "/a/b"))
    assert.equal(8, v2({}, "/a/b"))
  end)

  it("obeys the groups around it", function()
    assert.equal(3, v2({
      ["/sys/fs/cgroup/a/cpu.max"] = "300000 100000\n",
      ["/sys/fs/cgroup/a/b/cpu.max"] = "400000 100000\n",
    }, "/a/b"))
    assert.equal(2, v2({ ["/sys/fs/cgroup/cpu.max"] = "200000 100000\n" }, "/"))
    assert.equal(2, v2({ ["/sys/fs/cgroup/cpu.max"] = "200000 100000\n" }, "/a"))
  end)

  it("knows groups of version 1", function()
    local function v1(files)
      files["/proc/thread-self/status"] = status("0-7")
      files["/proc/self/cgroup"] = "5:memory:/x\n4:cpu,cpuacct:/docker/y\n1:name=systemd:/z\n"
      return cpus(files)
    end
    local dir = "/sys/fs/cgroup/cpu,cpuacct"
    assert.equal(3, v1 {
      [dir .. "/docker/y/cpu.cfs_quota_us"] = "250000\n",
      [dir .. "/docker/y/cpu.cfs_period_us"] = "100000\n",
    })
    assert.equal(8, v1 {
      [dir .. "/docker/y/cpu.cfs_quota_us"] = "-1\n",
      [dir .. "/docker/y/cpu.cfs_period_us"] = "100000\n",
    })
    assert.equal(2, v1 {
      [dir .. "/cpu.cfs_quota_us"] = "200000\n",
      [dir .. "/cpu.cfs_period_us"] = "100000\n",
    })
  end)

  it("makes do where there is nothing to read", function()
    assert.equal(1, cpus {})
  end)
end)
