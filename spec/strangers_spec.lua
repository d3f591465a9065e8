--- What SECURITY.md says of those who are not of the family.

local shell = require("spec.shell")
local skein = require("skein")
local family = require("spec.family")
local support = require("spec.support")

local core = require("skein.core")

--- A command that runs another as the user nobody; nil if we may not.
local function as_nobody()
  for _, command in ipairs({ "setpriv --reuid=65534 --regid=65534 --clear-groups --",
    "su -s /bin/sh nobody -c" }) do
    local code, said = shell.run(command .. " 'true'")
    if code ~= 0 then code, said = shell.run(command .. " true") end
    if code == 0 and said == "" then return command end
  end
end

--- A command that runs Python, as the user nobody if `stranger`; nil if there is none.
local function python(stranger)
  local nobody = as_nobody()
  if stranger and not (nobody and nobody:find("setpriv")) then return nil end
  for _, name in ipairs({ "python3", "/usr/bin/python3" }) do
    local command = (stranger and nobody .. " " or "") .. name
    if shell.run(command .. " -c pass") == 0 then return command end
  end
end

--- The descriptor of this process that is the arena.
local function arena_fd()
  skein.queue()
  local pid = skein.self().pid
  for fd = 0, 200 do
    local _, link = shell.run(("readlink /proc/%d/fd/%d"):format(pid, fd))
    if link:find("memfd:skein", 1, true) then return fd, pid end
  end
end

--- The abstract names of the doorbells of this process.
local function bells()
  local ours, names = {}, {}
  local _, links = shell.run(("readlink /proc/%d/fd/*"):format(skein.self().pid))
  for inode in links:gmatch("socket:%[(%d+)%]") do ours[inode] = true end
  for line in io.lines("/proc/net/unix") do
    local inode, name = line:match("(%d+) @(%x+)$")
    if ours[inode] then names[#names + 1] = name end
  end
  return names
end

describe("a stranger", function()
  it("cannot read or write the memory of the family", function()
    local nobody = as_nobody()
    if not nobody or not nobody:find("setpriv") then pending("needs root and setpriv") end
    local fd, pid = arena_fd()
    local path = ("/proc/%d/fd/%d"):format(pid, fd)
    local code = shell.run("head -c 8 " .. path .. " | grep -q skein") -- its owner can
    assert.equal(0, code)
    for _, try in ipairs({ "head -c 8 %s", "dd if=/dev/zero of=%s bs=8 count=1 conv=notrunc",
      "head -c 8 /proc/%d/mem" }) do
      local command = "LC_ALL=C " .. (try:find("%%d") and try:format(pid) or try:format(path))
      local status, said = shell.run(nobody .. " sh -c " .. shell.quote(command))
      assert.matches("Permission denied", said)
      assert.is_true(status ~= 0 or said:find("denied") ~= nil)
    end
  end)

  it("cannot take its descriptors, nor read what it has mapped", function()
    local ask = python(true)
    if not ask then pending("needs root, setpriv and python3") end
    local fd, pid = arena_fd()
    local address = io.open(("/proc/%d/maps"):format(pid)):read("a")
      :match("(%x+)%-%x+ %S+ %x+ %S+ %d+ +/memfd:skein")
    local script = [[
import ctypes, sys
pid, fd, address = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3], 16)
libc = ctypes.CDLL(None, use_errno=True)
class iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(8)
here, there = iovec(ctypes.addressof(buffer), 8), iovec(address, 8)
print(libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))
print(libc.process_vm_writev(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))
pidfd = libc.syscall(434, pid, 0)
print(libc.syscall(438, pidfd, fd, 0))
print(libc.ptrace(16, pid, None, None), bytes(buffer) == bytes(8))
]]
    local _, said = shell.run(("%s -c %s %d %d %s"):format(ask, shell.quote(script), pid, fd,
      address))
    assert.equal("-1\n-1\n-1\n-1 True\n", said)
  end)

  it("gets none of it as a program that was started", support.task(function()
    skein.queue()
    local list = "readlink /proc/self/fd/*"
    local said = skein.command { "sh", "-c", list }:get().stdout .. select(2, shell.run(list))
    assert.matches("pipe:", said)
    assert.not_matches("memfd", said)
  end))

  it("finds none of it in a core dump", function()
    skein.queue()
    local _, maps = shell.run(("cat /proc/%d/smaps"):format(skein.self().pid))
    if not maps:find("VmFlags:", 1, true) then
      pending("the system does not tell the flags of mappings")
    end
    local flags = maps:match("/memfd:skein.-VmFlags:([^\n]*)")
    assert.is_string(flags)
    assert.matches(" dd ", flags .. " ")
  end)

  it("cannot truncate it, nor can the family", function()
    local fd, pid = arena_fd()
    local code, said = shell.run(("LC_ALL=C truncate -s 0 /proc/%d/fd/%d"):format(pid, fd))
    assert.is_true(code ~= 0)
    assert.matches("Operation not permitted", said)
    local q = skein.queue()
    q:put(1)
    assert.equal(1, q:get())
  end)

  it("finds nothing of it in the file system", function()
    skein.queue()
    local _, said = shell.run("ls /dev/shm /tmp /run 2>/dev/null | grep -i skein")
    assert.equal("", said)
  end)

  it("rings at a doorbell with junk, and changes nothing", support.task(function()
    local send = python(true) or python() -- or one like us
    if not send then pending("needs python3, to send with") end
    local q, served = skein.queue(), 0
    local consumer = skein.thread(function()
      local sum = 0
      for _ = 1, 300 do sum = sum + q:get(10) end
      return sum
    end)
    local names = bells()
    assert.is_true(#names > 0)
    -- by an address that is bound to nothing of ours, by its number
    local script = [[
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setblocking(False)
for i in range(300):
    for name in sys.argv[1:]:
        try: s.sendto(os.urandom(1 + i * 7 % 2000), "\0" + name)
        except OSError: pass
    time.sleep(0.0005)
]]
    local pest = io.popen(send .. " -c " .. shell.quote(script) .. " " ..
      table.concat(names, " ") .. " 2>&1")
    for i = 1, 300 do
      q:put(i)
      if i % 10 == 0 then
        skein.sleep(0.002)
        served = served + 1
      end
    end
    assert.equal(45150, consumer:get(10))
    assert.equal("", pest:read("a"))
    pest:close()
    assert.equal(30, served)
  end))

  it("cannot pass a file of its own for the memory", function()
    shell.scratch(function(dir)
      shell.write(dir .. "/enter.lua", [[
        local core, skein = require("skein.core"), require("skein")
        local parent = io.open("/proc/self/stat"):read("a"):match("%) %a (%d+)")
        print(select(2, pcall(core.enter, 3, 64, tonumber(parent))))
        local q = skein.queue()
        q:put(1)
        print(q:get())
      ]])
      local magic = "skein01\0"
      for name, bytes in pairs({ empty = "", junk = ("x"):rep(4096), magic = magic,
        whole = magic .. string.pack("<I8", 1 << 24) .. ("\0"):rep(1 << 16),
        vast = magic .. string.pack("<I8", 1 << 40) .. ("\0"):rep(1 << 12) }) do
        shell.write(dir .. "/" .. name, bytes)
        local code, said = shell.run(("LUA_PATH=%s LUA_CPATH=%s %s %s/enter.lua 3<%s/%s"):format(
          shell.quote(package.path), shell.quote(package.cpath), support.lua, dir, dir, name))
        assert.equal(0, code, said)
        assert.matches("cannot share memory: Invalid argument\n1\n$", said, name)
      end
    end)
  end)

  it("of another family has other memory", function()
    local objects = core.arena()
    local output = support.program([[
      local skein, core = require("skein"), require("skein.core")
      local q = skein.queue()
      print((core.arena()))
    ]])
    assert.equal("1\n", output)
    assert.equal(objects, (core.arena()))
    assert.is_table(family)
  end)
end)
