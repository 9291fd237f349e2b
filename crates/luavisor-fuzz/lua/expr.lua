local expr = require("expr")

local variables = { x = 1, users = { { age = 20, name = "a" }, { age = 10, name = "b" } } }

-- An expression has a value or an error, within its limits.
return check(function(data)
    local _, err = expr.eval(data, variables)
    assert(not err or #err:message() > 0)
end)
