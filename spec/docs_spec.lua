--- The reference and the types name what there is, all of it and no more.

local documented = require("spec.documented")
local living = require("spec.living")

local reference = documented.reference("doc/reference.md")
local types = documented.types("types/skein.lua")


-- What the pages say -------------------------------------------------------

--- The class whose members have this prefix in the reference.
local function class_of(prefix)
  for class in pairs(types) do
    for _, kind in ipairs { "function", "field" } do
      if documented.prefix(class, kind) == prefix then return class end
    end
  end
end

--- Does the reference have an entry for a member, here or further up?
local function has_entry(class, name, kind)
  while class and types[class] do
    local entry = reference[documented.prefix(class, kind) .. name]
    if entry then return entry.kind == kind end
    class = types[class].parent
  end
  return false
end

--- A class that is only an ancestor stands for all that descend from it.
local function descends(class, from)
  while class do
    if class == from then return true end
    class = types[class] and types[class].parent
  end
  return false
end

--- Is the member there, in an object of the class and of all below it?
local function exists(classes, class, name, kind)
  local found = false
  for live, what in pairs(classes) do
    if descends(live, class) then
      local has = what.methods[name]
      if kind == "field" then has = what.object[name] ~= nil end
      if not has then return false end
      found = true
    end
  end
  return found
end

--- The value of "skein.net.connect" in the module.
local function resolve(skein, name)
  local v = skein
  for part in name:gsub("^skein%.", ""):gmatch("[^.]+") do
    v = type(v) == "table" and v[part] or nil
  end
  return v
end

local function assert_none(list)
  table.sort(list)
  assert.equal("", table.concat(list, "\n"))
end


-- The specs ----------------------------------------------------------------

describe("documentation", function()
  local skein, classes, functions

  setup(function()
    skein = require("skein")
    classes = living.classes(skein)
    functions = living.functions(skein)
  end)

  it("has an object of every class to look at", function()
    local unseen = {}
    for name, meta in pairs(debug.getregistry()) do
      local class = type(name) == "string" and name:match("^skein%.%u%w*$")
      if class and type(meta) == "table" and meta.__index
          and not living.internal[class] and not classes[class] then
        unseen[#unseen + 1] = class
      end
    end
    assert_none(unseen)
  end)

  it("has an entry for every function", function()
    local missing = {}
    for name in pairs(functions) do
      local entry = reference[name]
      if not entry or entry.kind ~= "function" then
        missing[#missing + 1] = name
      end
    end
    assert_none(missing)
  end)

  it("has an entry for every method", function()
    local missing = {}
    for class, live in pairs(classes) do
      for name in pairs(live.methods) do
        if not has_entry(class, name, "function") then
          missing[#missing + 1] = documented.prefix(class) .. name
        end
      end
    end
    assert_none(missing)
  end)

  it("has a type for every function and method", function()
    local missing = {}
    for name in pairs(functions) do
      local prefix, member = name:match("^(.*%.)([%w_]+)$")
      if not documented.member(types, class_of(prefix), member) then
        missing[#missing + 1] = name
      end
    end
    for class, live in pairs(classes) do
      for name in pairs(live.methods) do
        if not documented.member(types, class, name) then
          missing[#missing + 1] = documented.prefix(class) .. name
        end
      end
    end
    assert_none(missing)
  end)

  it("has a reference entry only for what exists", function()
    local gone = {}
    for name, entry in pairs(reference) do
      local prefix, member = name:match("^(.*[.:])([%w_]+)$")
      local there
      if prefix:find("^skein%.") then
        local v = resolve(skein, name)
        there = v ~= nil and (entry.kind == "field" or living.is_callable(v))
      else
        there = exists(classes, class_of(prefix), member, entry.kind)
      end
      if not there then gone[#gone + 1] = name end
    end
    assert_none(gone)
  end)

  it("has a type only for what exists", function()
    local gone = {}
    for class, what in pairs(types) do
      for name, member in pairs(what.members) do
        local full = documented.prefix(class, member.kind) .. name
        if full:find("^skein%.") then
          if resolve(skein, full) == nil then gone[#gone + 1] = full end
        elseif member.kind == "function"
            and not exists(classes, class, name, "function") then
          gone[#gone + 1] = full
        end
      end
    end
    assert_none(gone)
  end)
end)

describe("the reference", function()
  it("says something in every entry", function()
    local empty = {}
    for name, entry in pairs(reference) do
      if not entry.text:find("%w") then empty[#empty + 1] = name end
    end
    assert_none(empty)
  end)

  it("has a type for every entry, and an entry for every type", function()
    local lone = {}
    for name, entry in pairs(reference) do
      local prefix, member = name:match("^(.*[.:])([%w_]+)$")
      if not documented.member(types, class_of(prefix), member) then
        lone[#lone + 1] = name .. ": no type"
      elseif documented.member(types, class_of(prefix), member).kind
          ~= entry.kind then
        lone[#lone + 1] = name .. ": not the same kind"
      end
    end
    for class, what in pairs(types) do
      for name, member in pairs(what.members) do
        if member.kind == "function"
            and not has_entry(class, name, "function") then
          lone[#lone + 1] = documented.prefix(class) .. name .. ": no entry"
        end
      end
    end
    assert_none(lone)
  end)
end)

describe("the types", function()
  it("are Lua", function()
    assert(loadfile("types/skein.lua", "t"))
  end)

  it("describe the parameters that there are", function()
    local wrong = {}
    for class, what in pairs(types) do
      for name, member in pairs(what.members) do
        if member.kind == "function" and member.arguments ~= member.params then
          wrong[#wrong + 1] = ("%s%s(%s) describes (%s)"):format(
            documented.prefix(class), name, member.arguments, member.params)
        end
      end
    end
    assert_none(wrong)
  end)
end)
