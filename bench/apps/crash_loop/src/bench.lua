-- Row 8: a supervised worker fails at once, n times; from its end to its next main.
local time = require("time")

return function(n)
    n = tonumber(n)
    local inbox, delays = process.inbox(), {}
    process.registry.register("bench")
    local warm = n / 10
    local start, ended
    for i = 1, warm + n do
        local life = inbox:receive():payload():data()
        if i == warm then start = life[1] end
        if i > warm then delays[#delays + 1] = life[1]:sub(ended):nanoseconds() / 1e6 end
        ended = life[2]
    end
    table.sort(delays)
    print("RESULT restarts", n / ended:sub(start):seconds(), "restarts/s")
    print("RESULT restart_p99", delays[math.ceil(n * 0.99)], "ms")
end
