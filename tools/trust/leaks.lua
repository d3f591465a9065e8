--- Does each operation of spec/operations.lua a few times, and ends: for the leak
--- sanitizer, which then looks for memory that nobody holds.

for _, operation in pairs(require("spec.operations")) do
  for _ = 1, 3 do
    local object = operation.make()
    operation.run(object)
    operation.check(object)
    if operation.close then operation.close(object) end
  end
  collectgarbage()
end
