--- What the documentation says there is: parsers for the reference, the types
--- and Markdown in general. Used by docs_spec.lua.

local documented = {}

local function lines(path)
  local list = {}
  for line in io.lines(path) do list[#list + 1] = line end
  return list
end

function documented.read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

--- The entries of the reference, the headings "### `name(...)`", by name:
--- is each a "function" or a "field", and does it say anything?
function documented.reference(path)
  local entries, current = {}, {}
  for _, line in ipairs(lines(path)) do
    if line:find("^#+ ") then
      current = {}
      if line:find("^### `") then
        for code in line:gmatch("`([^`]+)`") do
          local name, rest = code:match("^([%w_.]+[.:][%a_][%w_]*)(.*)")
          assert(name, "no name in the heading " .. line)
          assert(not entries[name], "two entries for " .. name)
          local kind = rest:find("^%(") and "function" or "field"
          entries[name] = { kind = kind, text = "" }
          current[#current + 1] = entries[name]
        end
      end
    else
      for _, entry in ipairs(current) do entry.text = entry.text .. line end
    end
  end
  return entries
end

--- How the members of a class are called in the reference.
local prefixes = {
  ["skein"] = "skein.",
  ["skein.NetLib"] = "skein.net.",
  ["skein.CoroutineLib"] = "skein.coroutine.",
  ["skein.LoopLib"] = "skein.loop.",
  ["skein.TestLib"] = "skein.test.",
}

--- What an object of a class is called there, if not by the name of the class.
local nouns = { ["skein.End"] = "pipe" }

function documented.prefix(class, kind)
  if prefixes[class] then return prefixes[class] end
  local noun = nouns[class] or class:match("%.(%a+)$"):lower()
  return noun .. (kind == "field" and "." or ":")
end

local function note_function(class, line, params)
  local name, arguments = line:match("^function [%w_]+[.:]([%w_]+)%((.-)%)")
  if not name then return false end
  class.members[name] = {
    kind = "function",
    arguments = arguments,
    params = table.concat(params, ", "),
  }
  return true
end

--- The classes of a types file by name: `parent`, and `members` by name.
function documented.types(path)
  local classes, locals, class, params = {}, {}, nil, {}
  for _, line in ipairs(lines(path)) do
    local name, rest = line:match("^%-%-%-@class ([%w_.]+)(.*)")
    local field, ftype = line:match("^%-%-%-@field ([%w_]+)%?? (.+)")
    local var = line:match("^local ([%w_]+) = {}")
    local param = line:match("^%-%-%-@param ([%w_.]+)")
    local owner = line:match("^function ([%w_]+)[.:]")
    if name then
      class = { parent = rest:match("^[^:]*: *([%w_.]+)"), members = {} }
      classes[name] = class
    elseif field then
      class.members[field] = { kind = "field", type = ftype }
    elseif var then
      locals[var] = class
    elseif param then
      params[#params + 1] = param
    elseif owner then
      assert(locals[owner], "no class for " .. line)
      assert(note_function(locals[owner], line, params), line)
      params = {}
    end
  end
  return classes
end

--- The member of a class or of one of its ancestors.
function documented.member(classes, class, name)
  while class and classes[class] do
    local member = classes[class].members[name]
    if member then return member end
    class = classes[class].parent
  end
end

--- The `lua` blocks of a page: code, first line, and what it is to print.
function documented.blocks(path)
  local blocks, block = {}, nil
  for n, line in ipairs(lines(path)) do
    if line == "```lua" then
      block = { line = n + 1, code = {}, prints = {} }
    elseif line == "```" and block then
      block.code = table.concat(block.code, "\n") .. "\n"
      block.prints = table.concat(block.prints, "\n")
      blocks[#blocks + 1] = block
      block = nil
    elseif block then
      block.code[#block.code + 1] = line
      block.prints[#block.prints + 1] = line:match("%-%->%s*(.-)%s*$")
    end
  end
  return blocks
end

--- The anchors that a page has, as a set.
function documented.anchors(path)
  local anchors, fenced = {}, false
  for _, line in ipairs(lines(path)) do
    if line:find("^```") then fenced = not fenced end
    local title = not fenced and line:match("^#+ +(.+)$")
    if title then
      local slug = title:lower():gsub("[^%w _-]", ""):gsub(" ", "-")
      local anchor, n = slug, 0
      while anchors[anchor] do
        n = n + 1
        anchor = slug .. "-" .. n
      end
      anchors[anchor] = true
    end
  end
  return anchors
end

--- The targets of the links of a page.
function documented.links(path)
  local links = {}
  local text = documented.read(path):gsub("```.-\n```", "")
  for target in text:gmatch("%]%(([^)%s]+)%)") do links[#links + 1] = target end
  return links
end

return documented
