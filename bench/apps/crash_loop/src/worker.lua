-- Fails at once, and says when it began and when it failed.
local time = require("time")

return function()
    local start = time.now()
    process.send("bench", "life", { start, time.now() })
    error("as planned")
end
