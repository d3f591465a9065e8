--- The real job: right counts, three times the same, whatever the files.

local run = require("spec.examples.run")
local shell = require("spec.shell")

local directory

local function sh(command)
  local code, printed = shell.run(command)
  assert.equal(0, code, printed)
end

local function write(name, text)
  local path = directory .. "/tree/" .. name
  sh("mkdir -p " .. shell.quote(path:match("^(.*)/")))
  shell.write(path, text)
end

--- Runs corpus.lua from an empty directory.
local function corpus(...)
  return run.example("corpus", { ... }, directory .. "/empty")
end

local function picture(name)
  return run.read_all(directory .. "/empty/" .. name)
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

describe("corpus", function()
  before_each(function()
    directory = run.directory()
    sh("mkdir " .. shell.quote(directory .. "/tree"))
    sh("mkdir " .. shell.quote(directory .. "/empty"))
  end)

  after_each(function()
    sh("rm -rf " .. shell.quote(directory))
  end)

  it("counts words and identifiers", function()
    write("a/one.txt", "The cat_2 and the dog; 3rd 0xff THE_END\n")
    write("b/two.txt", "the cat\0the-cat")
    local out = corpus("--workers", 2, directory .. "/tree")
    assert.equal(0, out.code, tostring(out))
    out:find("^2 files, ")
    out:find("^%s+11 words, 5 distinct$") -- the 5, cat 3, and, dog, end
    out:find("^%s+10 identifiers, 7 distinct$")
    out:find("^   1  the%s+5 +the%s+3$")
    out:find("^   2  cat%s+3 +cat%s+2$")
    out:find("longest of the identifiers %(7 characters%):$")
    out:find("^    THE_END$")
    for _, way in ipairs({ "serial", "2 processes", "2 threads" }) do
      out:find("^  " .. way .. "%s+%d+%.%d+ s%s+%d+%.%d+x$")
      assert.matches(way .. " +%[#+%] +1/1 batches", out.errors)
      for line in out.errors:gmatch("[^\n]+") do assert.is_true(#line < 80, line) end
    end
  end)

  it("draws who did what when", function()
    for i = 1, 6 do write("d" .. i .. "/<&>.txt", ("word "):rep(60000)) end
    local out = corpus("--workers", 2, "--out", "a b.svg", directory .. "/tree")
    assert.equal(0, out.code, tostring(out))
    local svg = picture("a b.svg")
    assert.matches("^<svg .*</svg>\n$", svg)
    for _, text in ipairs({ "serial", "2 processes", "2 threads", "tree/d1" }) do
      assert.is_truthy(svg:find(text, 1, true), text)
    end
    assert.equal(count(svg, "<rect [^/>]*>"), count(svg, "</rect>"))
    assert.equal(count(svg, "<text "), count(svg, "</text>"))
    assert.equal(18, count(svg, "<title>")) -- six batches, three ways
  end)

  it("writes timeline.svg where nothing else is said", function()
    write("x", "x")
    assert.equal(0, corpus(directory .. "/tree/").code)
    assert.matches("^<svg ", picture("timeline.svg"))
  end)

  it("takes any name a file may have", function()
    write("it's a \"name\"\n; with $HOME/`x`/-n/fi le", "strange")
    write("-x/y", "strange")
    local out = corpus("--workers", 1, directory .. "/tree", directory .. "/tree/-x")
    assert.equal(0, out.code, tostring(out))
    out:find("^2 files, ")
    out:find("^%s+2 words, 1 distinct$")
  end)

  it("takes files of no bytes and of any bytes", function()
    local bytes = {}
    for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
    write("all", table.concat(bytes))
    write("none", "")
    local out = corpus("--workers", 2, directory .. "/tree")
    assert.equal(0, out.code, tostring(out))
    out:find("^%s+2 words, 1 distinct$") -- A to Z and a to z
    out:find("^%s+3 identifiers, 3 distinct$") -- and "_" between them
  end)

  it("names a file that cannot be read, counts it and goes on", function()
    write("good", "fine")
    -- A path longer than any that the system opens: unreadable for root, too.
    sh("cd " .. shell.quote(directory .. "/tree")
      .. " && n=$(printf %250s | tr ' ' d) && for i in 1 2 3 4 5 6 7 8 9 a b c d e f"
      .. " g h; do mkdir $n && cd -P $n || exit 1; done && echo bad > deep")
    local out = corpus("--workers", 2, directory .. "/tree")
    assert.equal(0, out.code, tostring(out))
    out:find("^%s+1 words, 1 distinct$")
    out:find("^  1 file could not be read:$")
    assert.matches("File name too long$", tostring(out.lines[out:find("dddd")]))
  end)

  it("ends with an error when there is nothing to count", function()
    local out = corpus(directory .. "/tree")
    assert.equal(1, out.code)
    assert.matches("no files below", out.errors)
  end)

  it("tells how it is used", function()
    for _, args in ipairs({ { "--what" }, { "--workers", "0" }, { "--workers" } }) do
      local out = corpus(table.unpack(args))
      assert.equal(2, out.code)
      assert.matches("^corpus.lua: usage: ", out.errors)
    end
  end)
end)
