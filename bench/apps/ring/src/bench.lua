-- Row 10 (Savina's thread ring): a token goes round 100 processes, n hops.
local time = require("time")

local MEMBERS = 100

return function(n)
    n = tonumber(n)
    local inbox = process.inbox()
    -- The bench itself closes the ring: it hands the token on like the others.
    local first = process.pid()
    for _ = 1, MEMBERS - 1 do
        first = process.spawn("app:member", "app:processes", first, process.pid())
    end
    local function run(hops)
        process.send(first, "token", hops - 1)
        while true do
            local message = inbox:receive()
            if message:topic() == "done" then return end
            local left = message:payload():data()
            if left == 0 then return end
            process.send(first, "token", left - 1)
        end
    end
    run(n / 10)
    local start = time.now()
    run(n)
    local rate = n / time.now():sub(start):seconds()
    print("RESULT ring", rate, "hops/s")
end
