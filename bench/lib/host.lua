--- The machine that the figures are from.

local shell = require("bench.lib.shell")

local function first(path, pattern)
  local text = shell.read(path)
  return text and text:match(pattern)
end

--- A list of what is known of it: name and value.
return function()
  local list = {}
  local function add(name, value)
    if value then list[#list + 1] = { name, (value:gsub("^%s+", ""):gsub("%s+$", "")) } end
  end
  add("processor", first("/proc/cpuinfo", "model name%s*:%s*([^\n]+)"))
  add("processors", shell.line("nproc"))
  add("governor", first("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "%S+"))
  local kib = first("/proc/meminfo", "MemTotal:%s*(%d+)")
  add("memory", kib and ("%.1f GiB"):format(kib / (1 << 20)))
  add("kernel", shell.line("uname -sr"))
  add("system", first("/etc/os-release", 'PRETTY_NAME="([^"]+)"'))
  add("libc", shell.line("ldd --version"))
  add("compiler", shell.line("${CC:-cc} --version"))
  add("Lua", shell.line("${LUA:-lua5.4} -v"))
  add("Python", shell.line("python3 -V"))
  add("Go", shell.line("go version"))
  add("cqueues", shell.line("${LUA:-lua5.4} -e 'print(require(\"cqueues\").VERSION)'"))
  add("luv", shell.line("${LUA:-lua5.4} -e 'print(require(\"luv\").version_string())'"))
  add("cjson", shell.line("${LUA:-lua5.4} -e 'print(require(\"cjson\")._VERSION)'"))
  add("copas", shell.line("${LUA:-lua5.4} -e 'package.path = \"./?.lua;\" .. package.path "
    .. "require(\"bench.peers.copas\") print(require(\"copas\")._VERSION)'"))
  add("load when it began", first("/proc/loadavg", "%S+"))
  add("day", os.date("!%Y-%m-%d"))
  add("commit", shell.line("git describe --always --dirty"))
  return list
end
