--- What other programs say.

local shell = {}

--- All that a command printed on its standard output, and whether it went well.
---@return string, boolean
function shell.output(command)
  local pipe <close> = assert(io.popen(command))
  local text = pipe:read("a")
  return text, pipe:close() == true
end

--- The first line of it, or nil if there is none or it failed.
---@return string?
function shell.line(command)
  local text, ok = shell.output("{ " .. command .. "\n} 2>/dev/null")
  local line = text:match("[^\n]+")
  return ok and line or nil
end

--- The whole of a file, or nil.
---@return string?
function shell.read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a")
end

function shell.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

return shell
