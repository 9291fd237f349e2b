-- Row 4: pairs of processes play ping-pong, each half on another shard.
--
-- Nothing here names a shard: the first of two children spawned in one go waits
-- in the parent's shard, so the second is placed in the other one. Of independent
-- pairs each starts its own second half, which stays where its parent is.
local time = require("time")

local function run(pairs_wanted, n, independent)
    local inbox = process.inbox()
    local pings = {}
    for i = 1, pairs_wanted do
        local pong = if independent then nil else process.spawn("app:pong", "app:processes")
        pings[i] = process.spawn("app:ping", "app:processes", pong, n, process.pid())
    end
    for _ = 1, pairs_wanted do
        inbox:receive()
    end
    local start = time.now()
    for _, ping in pings do
        process.send(ping, "go")
    end
    for _ = 1, pairs_wanted do
        inbox:receive()
    end
    return pairs_wanted * n / time.now():sub(start):seconds()
end

return function(pairs_wanted, n, independent)
    pairs_wanted, n = tonumber(pairs_wanted), tonumber(n)
    run(pairs_wanted, math.ceil(n / pairs_wanted / 10), independent)
    local rate = run(pairs_wanted, math.ceil(n / pairs_wanted), independent)
    print("RESULT pairs_" .. pairs_wanted, rate, "round trips/s")
end
