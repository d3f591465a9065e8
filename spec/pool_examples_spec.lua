--- The examples that leave a picture, or read what they are given.

local run = require("spec.examples.run")
local shell = require("spec.shell")

describe("example mandelbrot", function()
  it("saves the picture that one process alone would", function()
    shell.scratch(function(directory)
      local pictures = {}
      for workers = 1, 3 do
        local out = run.example("mandelbrot", { "m.ppm", 80, workers }, directory)
        assert.equal(0, out.code, tostring(out))
        assert.match("^80 x 60 pixels by " .. workers .. " workers in [%d.]+ s: m.ppm$",
          out.lines[1])
        assert.match("^60/60 in [%d.]+ s\n$", out.errors)
        pictures[workers] = run.read_all(directory .. "/m.ppm")
      end
      local head = "P6\n80 60\n255\n"
      assert.equal(head, pictures[1]:sub(1, #head))
      assert.equal(#head + 80 * 60 * 3, #pictures[1])
      assert.is_true(pictures[1] == pictures[2] and pictures[1] == pictures[3])
      local function pixel(x, y)
        local at = #head + ((y - 1) * 80 + x - 1) * 3
        return { pictures[1]:byte(at + 1, at + 3) }
      end
      assert.same({ 0, 0, 0 }, pixel(56, 30)) -- the middle of the set
      assert.not_same({ 0, 0, 0 }, pixel(1, 1))
    end)
  end)
end)

describe("example grep", function()
  it("prints what matches, in order of the paths", function()
    shell.scratch(function(directory)
      shell.run("mkdir " .. directory .. "/sub")
      shell.write(directory .. "/a.txt", "one\ntwo\nthree")
      shell.write(directory .. "/b 'c'.txt", ("x\n"):rep(50000) .. "two and two\n")
      shell.write(directory .. "/data", "two\0")
      shell.write(directory .. "/sub/z.txt", "two")
      local out = run.example("grep", { "--workers", 2, "^tw.", "." }, directory)
      assert.equal(0, out.code, tostring(out))
      assert.same({ "./a.txt:2: two", "./b 'c'.txt:50001: two and two", "./sub/z.txt:1: two" },
        out.lines)
      assert.equal("", out.errors)
      assert.equal(1, run.example("grep", { "four" }, directory).code)
    end)
  end)

  it("says how it is used", function()
    for _, args in ipairs { {}, { "[" } } do
      local out = run.example("grep", args)
      assert.equal(2, out.code)
      assert.match("^usage", out.errors)
    end
  end)
end)
