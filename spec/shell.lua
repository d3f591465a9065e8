--- Shared by the specs that run programs.

local shell = {}

--- `text` as one word of a shell command.
function shell.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs `command`; returns its exit code and all that it printed.
function shell.run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo \" $?\""))
  local output = pipe:read("a")
  pipe:close()
  local printed, code = output:match("^(.*) (%d+)\n$")
  return tonumber(code), printed
end

function shell.write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

--- Builds the shared object `name`.so from a C file in directory `dir`;
--- returns its path.
function shell.compile(file, dir, name)
  local path = ("%s/%s.so"):format(dir, name)
  local code, said = shell.run(("${CC:-cc} -O1 -shared -fPIC -D_GNU_SOURCE "
    .. "-I$(tools/find include) -o %s %s -ldl"):format(shell.quote(path), shell.quote(file)))
  assert(code == 0, said)
  return path
end

--- Calls `body` with the path of an empty directory, which is removed after.
function shell.scratch(body)
  local dir = select(2, shell.run("mktemp -d")):match("^[^\n]+")
  local ok, err = pcall(body, dir)
  shell.run("rm -rf " .. shell.quote(dir))
  if not ok then error(err, 0) end
end

return shell
