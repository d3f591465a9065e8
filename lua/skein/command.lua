--- skein.command: programs. What is wished, checked and put into the form that
--- src/command.h describes.

local core = require("skein.core")
local options = require("skein.options")

local GRACE = 5 -- seconds between TERM and KILL

local known = options.set("stdin", "stdout", "stderr", "cwd", "env", "clear_env", "timeout",
  "grace", "shell", "group", "name", "start", "daemon")

local function complain(...)
  options.complain("command", 1, (...):format(select(2, ...)))
end

--- A string that a program can be given: without a zero byte.
local function text(v, what)
  if math.type(v) then v = tostring(v) end
  if type(v) ~= "string" then complain("%s: string expected, got %s", what, type(v)) end
  if v:find("\0", 1, true) then complain("%s: a string without a zero byte expected", what) end
  return v
end

-- Its streams ----------------------------------------------------------------

local inputs = { inherit = { how = "inherit" }, null = { how = "null" }, pipe = { how = "pipe" } }
local outputs = {
  capture = { how = "take" }, inherit = { how = "inherit" }, null = { how = "null" },
  pipe = { how = "pipe" },
}

--- An open file of Lua's, or a stream of ours.
local function is_file(v)
  return io.type(v) ~= nil or (debug.getmetatable(v) or {}).__name == "skein.Stream"
end

local function check_fields(v, what, allowed)
  for name in pairs(v) do
    if not allowed[name] then
      complain("%s: unknown field '%s' (there are: %s)", what, tostring(name), allowed.list)
    end
  end
end

local input_fields = { file = true, text = true, list = "file, text" }
local output_fields = { file = true, append = true, list = "file, append" }

--- What it reads: nothing, where nothing is said.
local function input(v)
  if v == nil then return inputs.null end
  if inputs[v] then return inputs[v] end
  if is_file(v) then return { how = "fd", file = v } end
  if type(v) == "string" or math.type(v) then return { how = "text", text = tostring(v) } end
  if type(v) ~= "table" then
    complain('stdin: text, "pipe", "inherit", "null", a file, a stream, {file = path} or '
      .. "{text = string} expected, got %s", type(v))
  end
  check_fields(v, "stdin", input_fields)
  if v.text ~= nil then
    if type(v.text) ~= "string" then
      complain("stdin: text: string expected, got %s", type(v.text))
    end
    return { how = "text", text = v.text }
  end
  return { how = "file", mode = "r", path = text(v.file, "stdin: file") }
end

--- Where it writes to; what is written is collected where nothing is said.
local function output(v, what)
  if v == nil then return outputs.capture end
  if outputs[v] then return outputs[v] end
  if is_file(v) then return { how = "fd", file = v } end
  if what == "stderr" and v == "stdout" then return { how = "merge" } end
  if type(v) ~= "table" then
    complain('%s: "capture", "pipe", "inherit", "null"%s, a file, a stream or {file = path} '
      .. "expected, got %s", what, what == "stderr" and ', "stdout"' or "",
      type(v) == "string" and "'" .. v .. "'" or type(v))
  end
  check_fields(v, what, output_fields)
  return {
    how = "file", mode = v.append and "a" or "w",
    path = text(v.file, what .. ": file"),
  }
end

-- Its environment ------------------------------------------------------------

--- A list of "name=value": ours, unless `clear` is set, with what `env` says.
local function environment(env, clear)
  local vars = clear and {} or core.environ()
  for name, v in pairs(env or {}) do
    if type(name) ~= "string" or name == "" or name:find("[=\0]") then
      complain("env: name of a variable expected, got %s",
        type(name) == "string" and "'" .. name .. "'" or type(name))
    end
    if v == false then
      vars[name] = nil
    else
      vars[name] = text(v, "env: " .. name)
    end
  end
  local list = {}
  for name, v in pairs(vars) do list[#list + 1] = name .. "=" .. v end
  table.sort(list)
  return list, vars.PATH
end

-- The command ----------------------------------------------------------------

local function arguments(opts)
  local argv = {}
  if opts[1] == nil then complain("name of a program expected, got nil") end
  for i = 1, #opts do argv[i] = text(opts[i], i == 1 and "program" or "argument " .. i - 1) end
  return argv
end

--- A span of time, in seconds.
local function span(get, name, absent)
  local v = get.typed("number", name)
  if v == nil then return absent end
  if v ~= v then complain("%s: number expected, got NaN", name) end
  return math.max(v, 0)
end

local function separate(opts)
  if type(opts) ~= "table" then complain("table expected, got %s", type(opts)) end
  local named = {}
  for name, v in pairs(opts) do
    if math.type(name) ~= "integer" then
      named[name] = v
    elseif name < 1 or name > #opts then
      complain("a list without holes expected, of a program and its arguments")
    end
  end
  return named
end

--- What the C side is to start.
local function specify(opts, named)
  local get = options.reader("command", 1, named, known)
  local argv = arguments(opts)
  local spec = { name = argv[1], argv = argv, file = argv[1] }
  if get.typed("boolean", "shell") then
    spec.file = "/bin/sh"
    spec.argv = table.move(argv, 1, #argv, 3, { "sh", "-c" })
    if #argv > 1 then table.insert(spec.argv, 4, "sh") end -- $0
  end
  spec.stdin = input(named.stdin)
  spec.stdout = output(named.stdout, "stdout")
  spec.stderr = output(named.stderr, "stderr")
  spec.cwd = named.cwd and text(named.cwd, "cwd")
  spec.path = os.getenv("PATH")
  local env, clear = get.typed("table", "env"), get.typed("boolean", "clear_env")
  if env or clear then spec.envp, spec.path = environment(env, clear) end
  spec.timeout = span(get, "timeout")
  spec.grace = span(get, "grace", GRACE)
  spec.group = get.typed("boolean", "group")
  if spec.group == nil then spec.group = spec.stdin.how ~= "inherit" end
  return spec, get
end

---@class skein.Command
local Command = core.methods("skein.Command")

local start = Command.start

--- Starts a program that was made with `start = false`.
---@async
---@return skein.Command
function Command:start()
  local ok, err = pcall(start, self)
  if ok then return self end
  if core.is_error(err) and err.kind ~= "error" then error(err, 0) end
  options.raise(err)
end

--- Starts a program: `command { "grep", "-c", "x", stdin = text }`. Waits if there are
--- no descriptors left, until other commands have ended.
---@async
---@param opts table  the program and its arguments, and options
---@return skein.Command
local function command(opts)
  local spec, get = specify(opts, separate(opts))
  local handle = core.command(get.typed("string", "name"), spec, get.typed("boolean", "daemon"))
  if get.typed("boolean", "start") == false then return handle end
  return handle:start()
end

return command
